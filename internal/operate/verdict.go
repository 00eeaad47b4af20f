package operate

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// verdictLimit is how long the server may take to consider a verdict on a held
// release.
const verdictLimit = 10 * time.Second

// Approve lets a held release go on, as far as one approval can. Number 0
// means the newest release.
func (s *Stage) Approve(ctx context.Context, who Actor, sequence int64) (*v1alpha1.Release, error) {
	return s.decide(ctx, who, sequence, v1alpha1.VerdictApprove)
}

// Reject ends a held release. Number 0 means the newest release.
func (s *Stage) Reject(ctx context.Context, who Actor, sequence int64) (*v1alpha1.Release, error) {
	return s.decide(ctx, who, sequence, v1alpha1.VerdictReject)
}

// decide adds a verdict to a held release, unless the release changed
// meanwhile.
func (s *Stage) decide(ctx context.Context, who Actor, sequence int64, verdict string) (*v1alpha1.Release, error) {
	held, err := s.Held(sequence)
	if err != nil {
		return nil, err
	}
	after := held.DeepCopy()
	after.Spec.Verdicts = append(after.Spec.Verdicts, v1alpha1.Verdict{By: who.Name, Verdict: verdict, Reason: who.Reason, At: metav1.Now()})
	patch := client.MergeFromWithOptions(held, client.MergeFromWithOptimisticLock{})
	if err := s.client.Patch(ctx, after, patch); err != nil {
		return nil, Explain(err, "%s release %d of %s as %s", verdict, held.Spec.Sequence, s, who.Name)
	}
	return after, nil
}

// Held returns the release that waits for a verdict: that of a number, or the
// newest for 0.
func (s *Stage) Held(sequence int64) (*v1alpha1.Release, error) {
	rel, err := s.Newest()
	if sequence != 0 {
		rel, err = s.Release(sequence)
	}
	if err != nil {
		return nil, err
	}
	if rel.Status.Phase != v1alpha1.PhaseHeld {
		return nil, fault.New(fault.Conflict, "release %d of %s is not held but %s: %s; nothing waits for a verdict", rel.Spec.Sequence, s, rel.Status.Phase, rel.Status.Message)
	}
	return rel, nil
}

// Considered returns a function that reports whether the server has considered
// the verdict with which a release was left, and holds the release still. It
// gives up on a server that takes too long.
func Considered(decided *v1alpha1.Release, now func() time.Time) func(*v1alpha1.Release) bool {
	deadline := now().Add(verdictLimit)
	return func(rel *v1alpha1.Release) bool {
		if rel.Status.Phase != v1alpha1.PhaseHeld {
			return false
		}
		return rel.Status.ObservedGeneration >= decided.Generation || now().After(deadline)
	}
}
