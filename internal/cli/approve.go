package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

type approve struct {
	stageCommand
	verdict string
	release int64
}

func newApprove(streams Streams) *cobra.Command {
	return newVerdict(streams, v1alpha1.VerdictApprove, "Let a held release go on", `Let a held release go on. Your name is kept with the release. When it takes more
than one approval, the release stays held until the others are given.`)
}

func newReject(streams Streams) *cobra.Command {
	return newVerdict(streams, v1alpha1.VerdictReject, "End a held release", `End a held release: it fails, with your name and your reason.`)
}

func newVerdict(streams Streams, verdict, brief, long string) *cobra.Command {
	a := &approve{stageCommand: stageCommand{streams: streams}, verdict: verdict}
	command := &cobra.Command{
		Use:               verdict + " PROJECT STAGE",
		Short:             brief,
		GroupID:           "life",
		Long:              long,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeStages,
		RunE:              func(command *cobra.Command, args []string) error { return a.run(command.Context(), args[0], args[1]) },
	}
	a.waits(command)
	command.Flags().Int64Var(&a.release, "release", 0, "the number of the release (default: the newest, which must be held)")
	return command
}

func (a *approve) run(ctx context.Context, project, stage string) error {
	about, err := a.subject(ctx, project, stage)
	if err != nil {
		return err
	}
	held, err := about.held(a.release)
	if err != nil {
		return err
	}
	given, err := a.give(ctx, about, held)
	if err != nil {
		return err
	}
	past := map[string]string{v1alpha1.VerdictApprove: "approved", v1alpha1.VerdictReject: "rejected"}[a.verdict]
	a.say("%s: release %d (%s) %s by %s", about, given.Spec.Sequence, brief(given), past, given.Spec.Verdicts[len(given.Spec.Verdicts)-1].By)
	if a.noWait {
		return a.result(given)
	}
	err = a.await(ctx, about, given, weighed(given, time.Now))
	var outcome *outcomeError
	if a.verdict == v1alpha1.VerdictReject && errors.As(err, &outcome) && outcome.code == ExitNotLive {
		a.say("%s", outcome.message) // that is what was wanted
		return nil
	}
	return err
}

// weighed tells when a release that is still held has been looked at since
// the verdict.
func weighed(given *v1alpha1.Release, now func() time.Time) func(*v1alpha1.Release) bool {
	patience := now().Add(weighing)
	return func(rel *v1alpha1.Release) bool {
		if rel.Status.Phase != v1alpha1.PhaseHeld {
			return false
		}
		return rel.Status.ObservedGeneration >= given.Generation || now().After(patience)
	}
}

// held returns the release to decide about.
func (s *subject) held(sequence int64) (*v1alpha1.Release, error) {
	rel, err := s.newest()
	if sequence != 0 {
		rel, err = s.release(sequence)
	}
	if err != nil {
		return nil, err
	}
	if rel.Status.Phase != v1alpha1.PhaseHeld {
		return nil, fault.New(fault.Conflict, "release %d of %s is not held but %s: %s; nothing waits for a verdict", rel.Spec.Sequence, s, rel.Status.Phase, rel.Status.Message)
	}
	return rel, nil
}

// give adds the verdict to the release, unless it changed meanwhile.
func (a *approve) give(ctx context.Context, about *subject, held *v1alpha1.Release) (*v1alpha1.Release, error) {
	user, err := whoAmI(ctx, about.client)
	if err != nil {
		return nil, err
	}
	after := held.DeepCopy()
	after.Spec.Verdicts = append(after.Spec.Verdicts, v1alpha1.Verdict{By: user, Verdict: a.verdict, Reason: a.reason, At: metav1.Now()})
	patch := client.MergeFromWithOptions(held, client.MergeFromWithOptimisticLock{})
	if err := about.client.Patch(ctx, after, patch); err != nil {
		return nil, explained(err, "%s release %d of %s as %s", a.verdict, held.Spec.Sequence, about, user)
	}
	return after, nil
}
