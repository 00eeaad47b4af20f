package deliveries

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

type deliveries struct {
	control.Connection
	streams stream.Streams
	format  string
	noWait  bool
}

// New returns the command deliveries.
func New(streams stream.Streams) *cobra.Command {
	d := &deliveries{streams: streams}
	command := &cobra.Command{
		Use:     "deliveries",
		Short:   "List a project's webhook deliveries, show one, or have one handled again",
		GroupID: "see",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return exit.WrongUsage(fmt.Errorf("name what to do with deliveries: list, show or replay"))
		},
	}
	sub := func(use, brief, long string, args cobra.PositionalArgs, run func(*cobra.Command, []string) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: brief, Long: long, Args: args, RunE: run}
		d.Flags(c)
		output.AddFlag(c, &d.format)
		return c
	}
	replay := sub("replay PROJECT DELIVERY", "Have a delivery handled again", `Have a delivery handled again, as if the forge had sent it once more. The result
that it had before doesn't matter; the heads as they are now decide what it leads
to.`, cobra.ExactArgs(2), func(c *cobra.Command, args []string) error { return d.replay(c.Context(), args[0], args[1]) })
	replay.Flags().BoolVar(&d.noWait, "no-wait", false, "return as soon as it is asked for")
	command.AddCommand(
		sub("list PROJECT", "List deliveries, newest first", "", cobra.ExactArgs(1), func(c *cobra.Command, args []string) error { return d.list(c.Context(), args[0]) }),
		sub("show PROJECT DELIVERY", "Show what the forge sent, and what resulted", "", cobra.ExactArgs(2), func(c *cobra.Command, args []string) error { return d.show(c.Context(), args[0], args[1]) }),
		replay,
	)
	return command
}

func (d *deliveries) list(ctx context.Context, project string) error {
	c, err := d.Client()
	if err != nil {
		return err
	}
	found, err := operate.Deliveries{Client: c}.List(ctx, d.Scope(), project)
	if err != nil {
		return err
	}
	return output.New(d.streams, d.format).Print(found, func(t *output.Table) {
		t.Head("DELIVERY", "EVENT", "REF", "COMMIT", "ACTOR", "PHASE", "AGE", "MESSAGE")
		for i := range found {
			one := &found[i]
			t.Marked(deliveryMark(one), one.Name, one.Spec.Event, output.Dash(one.Spec.Ref), output.Dash(operate.ShortCommit(one.Spec.After)), output.Dash(one.Spec.Actor),
				output.Dash(string(one.Status.Phase)), output.Age(one.Spec.Received.Time, time.Now()), one.Status.Message)
		}
	})
}

func deliveryMark(d *v1alpha1.Delivery) output.Mark {
	return output.MarkOf(d.Status.Phase == v1alpha1.DeliveryDone, d.Status.Phase == v1alpha1.DeliveryFailed)
}

func (d *deliveries) show(ctx context.Context, project, name string) error {
	c, err := d.Client()
	if err != nil {
		return err
	}
	one, err := operate.Deliveries{Client: c}.Find(ctx, d.Scope(), project, name)
	if err != nil {
		return err
	}
	return d.print(one)
}

func (d *deliveries) print(one *v1alpha1.Delivery) error {
	return output.New(d.streams, d.format).Print(one, func(t *output.Table) {
		fact := func(name, value string) {
			if value != "" {
				t.Row(name+":", value)
			}
		}
		fact("delivery", one.Name)
		fact("received", one.Spec.Received.UTC().Format(time.RFC3339Nano))
		fact("forge", one.Spec.Forge+", which calls it "+one.Spec.ID)
		fact("repository", one.Spec.Repository)
		fact("event", strings.TrimSpace(one.Spec.Event+" "+one.Spec.Action))
		fact("ref", one.Spec.Ref)
		fact("before", one.Spec.Before)
		fact("after", one.Spec.After)
		fact("actor", one.Spec.Actor)
		if one.Spec.PullRequest != 0 {
			fact("pull request", fmt.Sprint(one.Spec.PullRequest))
		}
		t.Marked(deliveryMark(one), "phase:", output.Dash(string(one.Status.Phase)))
		fact("message", one.Status.Message)
		fact("attempts", fmt.Sprint(one.Status.Attempts))
	})
}
