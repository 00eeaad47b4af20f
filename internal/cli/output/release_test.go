package output

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

func TestTimeHeldIsNoWork(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rel := &v1alpha1.Release{Status: v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseSucceeded}}
	for i, phase := range []v1alpha1.Phase{v1alpha1.PhasePending, v1alpha1.PhaseHeld, v1alpha1.PhaseApplying, v1alpha1.PhaseSucceeded} {
		at := began.Add(time.Duration(i) * time.Second)
		if i >= 2 {
			at = at.Add(48 * time.Hour)
		}
		rel.Status.Timings = append(rel.Status.Timings, v1alpha1.PhaseTime{Phase: phase, At: metav1.MicroTime{Time: at}})
	}
	if got := Took(rel, began.Add(1000*time.Hour)); got != "2.0s" {
		t.Errorf("took %s, want 2.0s", got)
	}
}
