package stage

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// A preview that nobody visits falls asleep by a release, says so, and wakes for a visit.
func TestStageRests(t *testing.T) {
	released := newRelease(1, commitA, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, func(r *v1alpha1.Release) {
		r.Status.Timings[0].At = metav1.NewMicroTime(start().Add(-time.Hour))
	})
	f := newFixture(t, released, newStage(func(s *v1alpha1.Stage) {
		s.Spec.PullRequest, s.Spec.Gated, s.Spec.Sleep = 7, true, &v1alpha1.Sleep{After: &metav1.Duration{Duration: 2 * time.Hour}}
	}))
	look := func(at time.Time, again time.Duration, triggers ...v1alpha1.Trigger) {
		t.Helper()
		f.Now = func() time.Time { return at }
		result, err := f.Reconcile(t.Context(), shopDev)
		var got []v1alpha1.Trigger
		for _, rel := range f.releases(t) {
			got = append(got, rel.Spec.Trigger)
		}
		if err != nil || result.RequeueAfter != again || !slices.Equal(got, triggers) {
			t.Fatalf("%v, again in %s, releases %v; want %s, %v", err, result.RequeueAfter, got, again, triggers)
		}
	}
	end := func() {
		t.Helper()
		rel := f.releases(t)[0]
		rel.Status = v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseSucceeded, Bundle: "bundle", Timings: []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseApplying, At: metav1.NewMicroTime(f.Now())}}}
		if err := f.client.Status().Update(t.Context(), &rel); err != nil {
			t.Fatal(err)
		}
	}
	suspend := func(yes bool) {
		t.Helper()
		p := &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"}}
		if err := f.client.Patch(t.Context(), p, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"suspend":%t}}`, yes))); err != nil {
			t.Fatal(err)
		}
	}
	look(start(), time.Hour, v1alpha1.TriggerPush)
	suspend(true) // which stops all automatic work
	look(start().Add(time.Hour), suspendedPoll, v1alpha1.TriggerPush)
	suspend(false)
	look(start().Add(time.Hour), 0, v1alpha1.TriggerAutoSleep, v1alpha1.TriggerPush)
	end()
	look(start().Add(9*time.Hour), 0, v1alpha1.TriggerAutoSleep, v1alpha1.TriggerPush)
	stage := f.stage(t)
	ready := meta.FindStatusCondition(stage.Status.Conditions, v1alpha1.ConditionReady)
	if stage.Status.Asleep == nil || ready.Reason != "Asleep" || !strings.HasPrefix(ready.Message, "asleep since 2026-01-02 04:04 UTC: nobody visited it for 2h; ") || stage.Status.Commit != commitA {
		t.Errorf("asleep %+v; %+v", stage.Status.Asleep, ready)
	}
	stage.Status.Visited = new(metav1.NewMicroTime(start().Add(9 * time.Hour)))
	if err := f.client.Status().Update(t.Context(), &stage); err != nil {
		t.Fatal(err)
	}
	look(start().Add(9*time.Hour), 0, v1alpha1.TriggerAutoWake, v1alpha1.TriggerAutoSleep, v1alpha1.TriggerPush)
	end()
	look(start().Add(9*time.Hour), 2*time.Hour, v1alpha1.TriggerAutoWake, v1alpha1.TriggerAutoSleep, v1alpha1.TriggerPush)
	if stage = f.stage(t); stage.Status.Asleep != nil {
		t.Errorf("awake, and asleep %+v", stage.Status.Asleep)
	}
}
