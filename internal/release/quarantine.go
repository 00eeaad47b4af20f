package release

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// Quarantine returns what is quarantined in the stage, nil when nothing is. Known
// is the quarantine in the stage's status. The releases decide, because the status
// may not be visible yet; the status decides when they are no longer kept.
//
// The commit deployed last is quarantined from the moment the stage is rolled back
// from it until another release deploys a commit.
func (h History) Quarantine(known *v1alpha1.Quarantine) *v1alpha1.Quarantine {
	for i := range h {
		r := &h[i]
		switch {
		case r.Spec.Trigger.DeploysCommit():
			if known != nil && known.Release == r.Name {
				return known
			}
			return nil
		case r.Spec.Trigger.IsRollback():
			bad := h[i+1:].LastDeploy()
			if bad == nil || known != nil && known.Release == bad.Name {
				return known
			}
			return QuarantineOf(bad, r)
		}
	}
	return known
}

// QuarantineOf returns the quarantine of the commit of a bad release, which
// another release rolled back.
func QuarantineOf(bad, back *v1alpha1.Release) *v1alpha1.Quarantine {
	return &v1alpha1.Quarantine{
		Commit: bad.Spec.Head.Commit, Release: bad.Name,
		By: back.Spec.By, Reason: back.Spec.Reason, At: metav1.Time{Time: back.CreationTimestamp.Time},
	}
}

// quarantineMessage says that a commit is not released automatically.
func quarantineMessage(stage *v1alpha1.Stage, q *v1alpha1.Quarantine) string {
	return fmt.Sprintf("commit %.8s %s; push a later commit on top of it, or let an owner deploy it: `slipway deploy %s %s`",
		q.Commit, QuarantineCause(q), stage.Spec.Project, stage.Spec.Name)
}

// QuarantineCause returns why a commit is quarantined, as the predicate of a
// sentence about it.
func QuarantineCause(q *v1alpha1.Quarantine) string {
	if q.By == "" {
		return "has been quarantined since its release " + q.Release + " failed" + Because(q.Reason)
	}
	return "has been quarantined since " + q.By + " rolled back its release " + q.Release + Because(q.Reason)
}
