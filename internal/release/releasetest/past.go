package releasetest

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// Commit returns the id of a commit called by one letter.
func Commit(name string) string { return strings.Repeat(name, 40) }

// Past makes a stage's releases, oldest first, from words such as
// "push b failed returns".
func Past(lines ...string) []v1alpha1.Release {
	releases := make([]v1alpha1.Release, 0, len(lines))
	for i, line := range lines {
		words := strings.Fields(line)
		r := v1alpha1.Release{}
		r.Name = fmt.Sprint("r", i+1)
		r.CreationTimestamp = metav1.NewTime(time.Unix(int64(i), 0))
		r.Spec.Sequence = int64(i + 1)
		r.Spec.Trigger = v1alpha1.Trigger(words[0])
		r.Spec.Head.Commit = Commit(words[1])
		r.Status.Phase = map[string]v1alpha1.Phase{
			"good": v1alpha1.PhaseSucceeded, "failed": v1alpha1.PhaseFailed, "held": v1alpha1.PhaseHeld,
			"superseded": v1alpha1.PhaseSuperseded, "runs": v1alpha1.PhaseVerifying, "asked": "", "refused": v1alpha1.PhaseFailed,
		}[words[2]]
		if r.Status.Phase == v1alpha1.PhaseSucceeded {
			r.Status.Bundle = "bundle-" + r.Name
		}
		if r.Spec.Trigger.Asked() {
			r.Spec.By = "max"
			if words[2] != "asked" {
				decide(&r, words[2] != "refused")
			}
		}
		if len(words) > 3 {
			r.Status.Conditions = append(r.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionAutoRollback, Status: metav1.ConditionTrue})
		}
		releases = append(releases, r)
	}
	return releases
}

// decide records whether a release that somebody asked for may begin.
func decide(r *v1alpha1.Release, yes bool) {
	status := metav1.ConditionTrue
	if !yes {
		status = metav1.ConditionFalse
	}
	r.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAccepted, Status: status}}
}
