package previews

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

type previews struct {
	control.Connection
	streams stream.Streams
	format  string
}

// New returns the command previews.
func New(streams stream.Streams) *cobra.Command {
	p := &previews{streams: streams}
	command := &cobra.Command{
		Use:     "previews PROJECT",
		Short:   "List the previews of pull requests, and what keeps one from being made",
		GroupID: "see",
		Long: `List the open pull requests that have a preview, or would have one: the commit that
runs, its address, and when it ends without another push or visit. Which pull requests those
are, slipway.yaml says under previews.

A preview is a stage: its name, pr-7, goes into status, releases, logs, restart, sleep,
approve and every other command that takes one.`,
		Example: `  slipway previews shop
  slipway previews show shop 7
  slipway previews extend shop 7 3d
  slipway releases logs shop pr-7 1`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return p.list(command.Context(), args[0]) },
	}
	sub := func(use, brief, long string, args int, run func(context.Context, []string) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: brief, Long: long, Args: cobra.ExactArgs(args), RunE: func(c *cobra.Command, args []string) error { return run(c.Context(), args) }}
		p.Flags(c)
		output.AddFlag(c, &p.format)
		return c
	}
	command.AddCommand(
		sub("list PROJECT", "List previews, as `slipway previews PROJECT` does", "", 1, func(ctx context.Context, args []string) error { return p.list(ctx, args[0]) }),
		sub("show PROJECT PULL-REQUEST", "Show one preview", "", 2, func(ctx context.Context, args []string) error { return p.show(ctx, args[0], args[1]) }),
		sub("extend PROJECT PULL-REQUEST DURATION", "Let a preview live longer", `Let a preview live at least so long from now on: 3d, 12h, between an hour and 30 days.
Your name is kept with it, and it counts when you may deploy.`, 3, func(ctx context.Context, args []string) error {
			return p.extend(ctx, args[0], args[1], args[2])
		}),
	)
	p.Flags(command)
	output.AddFlag(command, &p.format)
	return command
}

// all returns the previews of a project, and says what is not known of them.
func (p *previews) all(ctx context.Context, name string) ([]operate.Preview, error) {
	c, err := p.Client()
	if err != nil {
		return nil, err
	}
	projects := operate.Projects{Client: c}
	project, err := projects.Find(ctx, p.Scope(), name)
	if err != nil {
		return nil, err
	}
	all, unknown, err := projects.Previews(ctx, project)
	if err != nil {
		return nil, err
	}
	if unknown != "" {
		fmt.Fprintln(p.streams.Err, unknown)
	}
	return all, nil
}

func (p *previews) list(ctx context.Context, name string) error {
	all, err := p.all(ctx, name)
	if err != nil {
		return err
	}
	return output.New(p.streams, p.format).Print(all, func(t *output.Table) {
		t.Head("PULL REQUEST", "STATE", "STAGE", "COMMIT", "RUNNING", "ENDS IN", "URL", "MESSAGE")
		for _, one := range all {
			t.Marked(mark(one), fmt.Sprint("#", one.PullRequest), one.State, output.Dash(one.Stage), operate.ShortCommit(one.Commit), output.Dash(operate.ShortCommit(one.Running)),
				ends(one.Expires), output.Dash(one.URL), one.Message)
		}
	})
}

func mark(p operate.Preview) output.Mark {
	if p.State == v1alpha1.PreviewLive {
		return output.PhaseMark(p.Phase)
	}
	return output.MarkOf(p.State == v1alpha1.PreviewUnchanged, p.State == v1alpha1.PreviewFailed)
}

// ends returns the time until a preview ends.
func ends(at *time.Time) string {
	if at == nil {
		return output.Dash("")
	}
	return output.Age(time.Now(), *at)
}
