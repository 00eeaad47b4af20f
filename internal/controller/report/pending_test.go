package report

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/report"
)

// Of a commit's releases only the newest is the latest, and the newest of all is
// reported last.
func TestPending(t *testing.T) {
	release := func(name, commit string, phase, reported v1alpha1.Phase) v1alpha1.Release {
		return v1alpha1.Release{
			ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)},
			Spec:       v1alpha1.ReleaseSpec{Head: v1alpha1.Head{Commit: commit}},
			Status:     v1alpha1.ReleaseStatus{Phase: phase, Reported: reported},
		}
	}
	r := New(nil, nil, nil, nil)
	r.memory.set("5", reportedState{step: report.StepLive}) // reported, but the cache doesn't show it yet
	r.memory.set("6", reportedState{step: report.StepHeld, message: "waits for ci/test"})
	var got []string
	asleep := release("7", "g", v1alpha1.PhaseSucceeded, "")
	asleep.Spec.Trigger = v1alpha1.TriggerAutoSleep
	for _, one := range r.pending([]v1alpha1.Release{
		asleep, // the commit stays as it was reported
		release("6", "g", v1alpha1.PhaseHeld, v1alpha1.PhaseHeld), // for another reason
		release("5", "f", v1alpha1.PhaseSucceeded, v1alpha1.PhaseBuilding),
		release("4", "a", v1alpha1.PhaseVerifying, v1alpha1.PhaseApplying), // the same step
		release("3", "b", v1alpha1.PhaseBuilding, v1alpha1.PhasePending),
		release("2", "a", v1alpha1.PhaseSuperseded, v1alpha1.PhaseBuilding),
		release("1", "b", v1alpha1.PhaseFailed, v1alpha1.PhaseFailed),
		release("0", "c", "", ""),
		release("-1", "d", "", v1alpha1.PhasePending),
	}) {
		name := one.release.Name
		if one.latest {
			name += " latest"
		}
		got = append(got, name)
	}
	if want := "0 latest, 2, 3 latest, 6 latest"; strings.Join(got, ", ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}
