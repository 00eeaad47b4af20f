package releases

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

func newReleasesShow(streams stream.Streams) *cobra.Command {
	r := &releases{streams: streams}
	command := &cobra.Command{
		Use:               "show PROJECT STAGE N",
		Short:             "Show all that is known of a release",
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: r.CompleteReleases,
		RunE: func(command *cobra.Command, args []string) error {
			stage, rel, err := r.numbered(command.Context(), args)
			if err != nil {
				return err
			}
			rel.ManagedFields = nil
			return output.New(r.streams, r.format).Print(rel, func(t *output.Table) { describe(t, stage, rel) })
		},
	}
	r.Flags(command)
	output.AddFlag(command, &r.format)
	return command
}

// describe fills a table with all that is known of a release.
func describe(t *output.Table, stage *operate.Stage, rel *v1alpha1.Release) {
	head := rel.Spec.Head
	fact := func(name, value string) {
		if value != "" {
			t.Row(name+":", value)
		}
	}
	fact("release", fmt.Sprintf("%d of %s (%s)", rel.Spec.Sequence, stage, rel.Name))
	fact("commit", strings.TrimSpace(head.Commit+"  "+head.Subject))
	fact("pushed by", head.Actor)
	fact("trigger", string(rel.Spec.Trigger))
	fact("from", rel.Spec.From)
	fact("asked by", rel.Spec.By)
	fact("services", strings.Join(rel.Spec.Services, ", "))
	fact("reason", rel.Spec.Reason)
	t.Marked(output.PhaseMark(rel.Status.Phase), "phase:", output.Dash(string(rel.Status.Phase))+" after "+output.Took(rel, time.Now()))
	fact("message", rel.Status.Message)
	fact("cause", rel.Status.Cause)
	fact("url", rel.Status.URL)
	changes := rel.Status.Changes
	fact("objects", fmt.Sprintf("%d created, %d changed, %d unchanged, %d pruned", changes.Created, changes.Changed, changes.Unchanged, changes.Pruned))
	fact("bundle", strings.TrimSpace(rel.Status.Bundle+" "+rel.Status.BundleDigest))
	for _, verdict := range rel.Spec.Verdicts {
		fact(verdict.Verdict, strings.TrimSuffix(verdict.By+" at "+verdict.At.UTC().Format(time.RFC3339)+": "+verdict.Reason, ": "))
	}
	for _, warning := range rel.Status.Warnings {
		t.Marked(output.Waiting, "warning:", warning)
	}
	describeServices(t, rel)
	describePhases(t, rel)
}

func describeServices(t *output.Table, rel *v1alpha1.Release) {
	if len(rel.Status.Services) == 0 {
		return
	}
	t.Row()
	t.Head("SERVICE", "IMAGE", "WHY")
	for _, service := range rel.Status.Services {
		t.Row(service.Name, output.Dash(output.ShortImage(service.Image)), service.Why)
	}
}

func describePhases(t *output.Table, rel *v1alpha1.Release) {
	if len(rel.Status.Timings) == 0 {
		return
	}
	t.Row()
	t.Head("PHASE", "BEGAN", "TOOK")
	for i, timing := range rel.Status.Timings {
		lasted := "-"
		if i+1 < len(rel.Status.Timings) {
			lasted = output.Seconds(rel.Status.Timings[i+1].At.Sub(timing.At.Time))
		}
		t.Row(string(timing.Phase), timing.At.UTC().Format("2006-01-02 15:04:05.000 MST"), lasted)
	}
}
