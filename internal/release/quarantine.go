package release

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// Quarantine returns what is quarantined in the stage, given what its status
// says; nil when nothing is. The releases tell it by themselves, because the
// status may not be visible yet; the status tells it when they are forgotten.
//
// The commit brought last is quarantined once the stage went back from it, and
// until another release brings a commit.
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

// QuarantineOf returns the quarantine of the commit of a bad release that
// another goes back from.
func QuarantineOf(bad, back *v1alpha1.Release) *v1alpha1.Quarantine {
	return &v1alpha1.Quarantine{
		Commit: bad.Spec.Head.Commit, Release: bad.Name,
		By: back.Spec.By, Reason: back.Spec.Reason, At: metav1.Time{Time: back.CreationTimestamp.Time},
	}
}

func quarantined(stage *v1alpha1.Stage, q *v1alpha1.Quarantine) string {
	return fmt.Sprintf("commit %.8s %s; it comes back only with a later commit on top of it, or when an owner asks: `slipway deploy %s %s`",
		q.Commit, wentBack(q), stage.Spec.Project, stage.Spec.Name)
}

// wentBack says of a quarantined commit how it came to that.
func wentBack(q *v1alpha1.Quarantine) string {
	if q.By == "" {
		return "is quarantined since its release " + q.Release + " failed" + because(q.Reason)
	}
	return "is quarantined since " + q.By + " went back from its release " + q.Release + because(q.Reason)
}
