package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/operate"
)

func newReleasesShow(streams Streams) *cobra.Command {
	r := &releases{streams: streams}
	command := &cobra.Command{
		Use:               "show PROJECT STAGE N",
		Short:             "Show all that is known of a release",
		Args:              cobra.ExactArgs(3),
		ValidArgsFunction: r.completeReleases,
		RunE: func(command *cobra.Command, args []string) error {
			stage, rel, err := r.numbered(command.Context(), args)
			if err != nil {
				return err
			}
			rel.ManagedFields = nil
			return newOutput(r.streams, r.format).print(rel, func(t *table) { describe(t, stage, rel) })
		},
	}
	r.flags(command)
	outputFlag(command, &r.format)
	return command
}

// describe fills a table with all that is known of a release.
func describe(t *table, stage *operate.Stage, rel *v1alpha1.Release) {
	head := rel.Spec.Head
	fact := func(name, value string) {
		if value != "" {
			t.row(name+":", value)
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
	t.marked(phaseMark(rel.Status.Phase), "phase:", dash(string(rel.Status.Phase))+" after "+took(rel, time.Now()))
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
		t.marked(waiting, "warning:", warning)
	}
	describeServices(t, rel)
	describePhases(t, rel)
}

func describeServices(t *table, rel *v1alpha1.Release) {
	if len(rel.Status.Services) == 0 {
		return
	}
	t.row()
	t.head("SERVICE", "IMAGE", "WHY")
	for _, service := range rel.Status.Services {
		t.row(service.Name, dash(shortImage(service.Image)), service.Why)
	}
}

func describePhases(t *table, rel *v1alpha1.Release) {
	if len(rel.Status.Timings) == 0 {
		return
	}
	t.row()
	t.head("PHASE", "BEGAN", "TOOK")
	for i, timing := range rel.Status.Timings {
		lasted := "-"
		if i+1 < len(rel.Status.Timings) {
			lasted = seconds(rel.Status.Timings[i+1].At.Sub(timing.At.Time))
		}
		t.row(string(timing.Phase), timing.At.UTC().Format("2006-01-02 15:04:05.000 MST"), lasted)
	}
}
