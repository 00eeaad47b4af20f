package runner_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

func TestFailureReturns(t *testing.T) {
	crash := &release.Failure{Cause: "CrashLoop", Message: "web crashes"}
	tests := map[string]struct {
		trigger v1alpha1.Trigger
		change  func(*world, *release.Inputs)
		want    bool
	}{
		"a push":                {v1alpha1.TriggerPush, func(w *world, _ *release.Inputs) { w.unready = crash }, true},
		"refused while applied": {v1alpha1.TriggerPush, func(w *world, _ *release.Inputs) { w.refused = fault.New(fault.Denied, "the quota is used up") }, true},
		"before it was applied": {v1alpha1.TriggerPush, func(_ *world, o *release.Inputs) { o.Stage.Spec.Rule = "gone" }, false},
		"the first of all":      {v1alpha1.TriggerPush, func(w *world, o *release.Inputs) { w.unready, o.Good = crash, nil }, false},
		"not in the file":       {v1alpha1.TriggerPush, func(w *world, _ *release.Inputs) { w.unready, w.file = crash, file }, false},
		"a return":              {v1alpha1.TriggerAutoRollback, func(w *world, _ *release.Inputs) { w.unready = crash }, false},
		"a rollback":            {v1alpha1.TriggerRollback, func(w *world, _ *release.Inputs) { w.unready = crash }, false},
		"a restart":             {v1alpha1.TriggerRestart, func(w *world, _ *release.Inputs) { w.unready = crash }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file = people
			good := w.brought(t)
			order := w.from(good, tt.trigger, "alice")
			order.Release.Spec.Head = v1alpha1.Head{Commit: releasetest.Commit("b"), FileCommit: releasetest.Commit("f"), Actor: "alice"}
			tt.change(w, &order)
			if err := w.runner().Run(t.Context(), order, w, nil); err != nil {
				t.Fatal(err)
			}
			returns := meta.IsStatusConditionTrue(w.status.Conditions, v1alpha1.ConditionAutoRollback)
			if w.status.Phase != v1alpha1.PhaseFailed || returns != tt.want || strings.Contains(w.status.Message, "the stage is rolled back to release shop-production-1") != tt.want {
				t.Errorf("%s: %s; returns %v, want %v", w.status.Phase, w.status.Message, returns, tt.want)
			}
		})
	}
}
