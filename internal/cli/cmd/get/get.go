package get

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
)

// getter is what the get commands share.
type getter struct {
	control.Connection
	streams stream.Streams
	format  string
	project string
	stage   string
}

// New returns the command get.
func New(streams stream.Streams) *cobra.Command {
	g := &getter{streams: streams}
	command := &cobra.Command{
		Use:     "get",
		Short:   "List projects, stages, releases or deliveries",
		GroupID: "see",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return exit.WrongUsage(errors.New("name what to list: projects, stages, releases or deliveries"))
		},
	}
	command.AddCommand(
		g.command("projects", "List projects", false, g.projects),
		g.command("stages", "List stages", true, g.stages),
		g.command("releases", "List releases, newest first", true, g.releases),
		g.command("deliveries", "List webhook deliveries, newest first", true, g.deliveries),
	)
	return command
}

func (g *getter) command(use, brief string, ofProject bool, run func(*cobra.Command) error) *cobra.Command {
	command := &cobra.Command{
		Use:   use,
		Short: brief,
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return run(c) },
	}
	g.Flags(command)
	output.AddFlag(command, &g.format)
	if ofProject {
		command.Flags().StringVarP(&g.project, "project", "p", "", "only of this project")
		command.Flags().StringVarP(&g.stage, "stage", "s", "", "only of this stage")
	}
	return command
}

func (g *getter) projects(command *cobra.Command) error {
	c, err := g.Client()
	if err != nil {
		return err
	}
	var found v1alpha1.ProjectList
	if err := operate.List(command.Context(), c, &found, g.Scope()); err != nil {
		return err
	}
	return g.print(found.Items, func(t *output.Table) {
		t.Head("ORGANIZATION", "PROJECT", "CLUSTER", "STAGES", "SYNCED", "MESSAGE")
		for _, p := range found.Items {
			synced, message, m := "-", "", output.Waiting
			if condition := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionSynced); condition != nil {
				synced, message, m = string(condition.Status), condition.Message, output.MarkOf(condition.Status == "True", condition.Status == "False")
			}
			if p.Status.Held != nil && synced == "True" {
				message, m = p.Status.Held.Message, output.Waiting
			}
			t.Marked(m, output.Organization(p.Namespace), p.Name, p.Spec.Cluster, fmt.Sprint(p.Status.Stages), synced, message)
		}
	})
}

func (g *getter) stages(command *cobra.Command) error {
	c, err := g.Client()
	if err != nil {
		return err
	}
	var found v1alpha1.StageList
	if err := operate.List(command.Context(), c, &found, g.Scope()); err != nil {
		return err
	}
	found.Items = slices.DeleteFunc(found.Items, func(s v1alpha1.Stage) bool {
		return g.project != "" && s.Spec.Project != g.project || g.stage != "" && s.Spec.Name != g.stage
	})
	return g.print(found.Items, func(t *output.Table) {
		t.Head("PROJECT", "STAGE", "REF", "COMMIT", "PHASE", "URL")
		for _, s := range found.Items {
			t.Marked(output.PhaseMark(s.Status.Phase), s.Spec.Project, s.Spec.Name, s.Spec.Ref, output.Dash(operate.CommitText(s.Status.Commit, s.Status.Unchanged())), output.Dash(string(s.Status.Phase)), output.Dash(s.Status.URL))
		}
	})
}

func (g *getter) releases(command *cobra.Command) error {
	c, err := g.Client()
	if err != nil {
		return err
	}
	var found v1alpha1.ReleaseList
	if err := operate.List(command.Context(), c, &found, g.Scope()); err != nil {
		return err
	}
	found.Items = slices.DeleteFunc(found.Items, func(r v1alpha1.Release) bool {
		return g.project != "" && r.Spec.Project != g.project || g.stage != "" && r.Spec.Stage != naming.StageObject(r.Spec.Project, g.stage)
	})
	slices.SortStableFunc(found.Items, func(a, b v1alpha1.Release) int {
		return b.CreationTimestamp.Compare(a.CreationTimestamp.Time)
	})
	return g.print(found.Items, func(t *output.Table) {
		t.Head("RELEASE", "COMMIT", "PHASE", "BUILT", "REUSED", "AGE", "MESSAGE")
		for _, r := range found.Items {
			t.Marked(output.PhaseMark(r.Status.Phase), r.Name, operate.ShortCommit(r.Spec.Head.Commit), output.Dash(string(r.Status.Phase)),
				fmt.Sprint(r.Status.Built), fmt.Sprint(r.Status.Reused), output.Age(r.CreationTimestamp.Time, time.Now()), r.Status.Message)
		}
	})
}

func (g *getter) deliveries(command *cobra.Command) error {
	c, err := g.Client()
	if err != nil {
		return err
	}
	var found v1alpha1.DeliveryList
	if err := operate.List(command.Context(), c, &found, g.Scope()); err != nil {
		return err
	}
	found.Items = slices.DeleteFunc(found.Items, func(d v1alpha1.Delivery) bool { return g.project != "" && d.Spec.Project != g.project })
	slices.SortStableFunc(found.Items, func(a, b v1alpha1.Delivery) int { return b.Spec.Received.Compare(a.Spec.Received.Time) })
	return g.print(found.Items, func(t *output.Table) {
		t.Head("PROJECT", "EVENT", "REF", "COMMIT", "ACTOR", "PHASE", "AGE", "MESSAGE")
		for _, d := range found.Items {
			t.Marked(output.MarkOf(d.Status.Phase == v1alpha1.DeliveryDone, d.Status.Phase == v1alpha1.DeliveryFailed), d.Spec.Project, d.Spec.Event,
				output.Dash(d.Spec.Ref), output.Dash(operate.ShortCommit(d.Spec.After)), output.Dash(d.Spec.Actor), output.Dash(string(d.Status.Phase)), output.Age(d.Spec.Received.Time, time.Now()), d.Status.Message)
		}
	})
}

func (g *getter) print(value any, text func(*output.Table)) error {
	return output.New(g.streams, g.format).Print(value, text)
}
