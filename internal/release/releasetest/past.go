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

// Past makes a stage's releases, oldest first, from lines such as "push b good"
// or "push b failed returns": trigger, commit, outcome, and whether the stage
// rolls back automatically. A release that is good, broken or runs came to
// applying. Releases of one commit have one digest of their manifests.
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
			"good": v1alpha1.PhaseSucceeded, "failed": v1alpha1.PhaseFailed, "broken": v1alpha1.PhaseFailed, "held": v1alpha1.PhaseHeld,
			"superseded": v1alpha1.PhaseSuperseded, "runs": v1alpha1.PhaseVerifying, "asked": "", "refused": v1alpha1.PhaseFailed,
		}[words[2]]
		if words[2] == "good" || words[2] == "broken" || words[2] == "runs" {
			r.Status.Bundle, r.Status.BundleDigest = "bundle-"+r.Name, "sha256:"+r.Spec.Head.Commit
			r.Status.Timings = []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseApplying}}
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
