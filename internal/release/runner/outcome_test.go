package runner_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

func TestFailureRollsBack(t *testing.T) {
	crash := &release.Failure{Cause: "CrashLoop", Message: "web crashes"}
	tests := map[string]struct {
		trigger v1alpha1.Trigger
		change  func(*fixture, *release.Inputs)
		want    bool
	}{
		"a push":                {v1alpha1.TriggerPush, func(f *fixture, _ *release.Inputs) { f.unready = crash }, true},
		"refused while applied": {v1alpha1.TriggerPush, func(f *fixture, _ *release.Inputs) { f.refused = fault.New(fault.Denied, "the quota is used up") }, true},
		"before it was applied": {v1alpha1.TriggerPush, func(_ *fixture, o *release.Inputs) { o.Stage.Spec.Rule = "gone" }, false},
		"the first of all":      {v1alpha1.TriggerPush, func(f *fixture, o *release.Inputs) { f.unready, o.Good = crash, nil }, false},
		"not in the file":       {v1alpha1.TriggerPush, func(f *fixture, _ *release.Inputs) { f.unready, f.file = crash, file }, false},
		"auto-rollback":         {v1alpha1.TriggerAutoRollback, func(f *fixture, _ *release.Inputs) { f.unready = crash }, false},
		"a rollback":            {v1alpha1.TriggerRollback, func(f *fixture, _ *release.Inputs) { f.unready = crash }, false},
		"a restart":             {v1alpha1.TriggerRestart, func(f *fixture, _ *release.Inputs) { f.unready = crash }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.file = people
			good := f.released(t)
			inputs := f.from(good, tt.trigger, "alice")
			inputs.Release.Spec.Head = v1alpha1.Head{Commit: releasetest.Commit("b"), FileCommit: releasetest.Commit("f"), Actor: "alice"}
			tt.change(f, &inputs)
			if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
				t.Fatal(err)
			}
			rollsBack := meta.IsStatusConditionTrue(f.status.Conditions, v1alpha1.ConditionAutoRollback)
			if f.status.Phase != v1alpha1.PhaseFailed || rollsBack != tt.want || strings.Contains(f.status.Message, "the stage is rolled back to release shop-production-1") != tt.want {
				t.Errorf("%s: %s; rolls back %v, want %v", f.status.Phase, f.status.Message, rollsBack, tt.want)
			}
		})
	}
}

// Those who run the server are called for its own faults only.
func TestFailuresAreLoggedByWhoseFaultTheyAre(t *testing.T) {
	tests := map[string]struct {
		err  error // of the apply
		want string
	}{
		"a crash of a service": {&release.Failure{Cause: "CrashLoop", Message: "web crashes"}, "INFO"},
		"invalid":              {fault.New(fault.Invalid, "the manifest has no name"), "INFO"},
		"denied":               {fault.New(fault.Denied, "the quota is used up"), "INFO"},
		"not found":            {fault.New(fault.NotFound, "there is no class fast"), "INFO"},
		"conflict":             {fmt.Errorf("apply: %w", fault.New(fault.Conflict, "the Service is another's")), "INFO"},
		"unavailable too long": {fault.New(fault.Unavailable, "the cluster is away"), "WARN"},
		"internal":             {fault.New(fault.Internal, "the inventory is broken"), "ERROR"},
		"without a code":       {errors.New("index out of range"), "ERROR"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.refused = tt.err
			r := f.runner()
			r.UnavailableTimeout = 0
			if err := r.Run(t.Context(), f.inputs("alice"), f, nil); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want + " release failed"}, f.log.lines); diff != "" || f.status.Phase != v1alpha1.PhaseFailed {
				t.Errorf("%s; log (-want +got):\n%s", f.status.Phase, diff)
			}
		})
	}
}

// A release with a service that was left as it was is verified, prunes nothing, fails,
// and says so by service.
func TestServicesThatAreLeft(t *testing.T) {
	left := &release.Failure{Cause: "ImmutableField", Message: "service worker is left as it was: no. Service web is released", Refused: map[string]string{"worker": "no"}}
	tests := map[string]struct {
		unready error
		cause   string
		message string
	}{
		"the others are live":  {nil, "ImmutableField", left.Message},
		"one of them crashes":  {&release.Failure{Cause: "CrashLoop", Message: "web crashes"}, "CrashLoop", "web crashes\nBesides, " + left.Message},
		"the cluster goes off": {fault.New(fault.Invalid, "odd"), "NotReady", "odd"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.refused, f.unready = fmt.Errorf("apply: %w", left), tt.unready
			if err := f.runner().Run(t.Context(), f.inputs("alice"), f, nil); err != nil {
				t.Fatal(err)
			}
			if f.status.Phase != v1alpha1.PhaseFailed || f.status.Cause != tt.cause || f.status.Message != tt.message || f.pruned != 0 || f.deadlines == nil {
				t.Errorf("%s, %s: %s; pruned %d times, verified: %t", f.status.Phase, f.status.Cause, f.status.Message, f.pruned, f.deadlines != nil)
			}
			for _, service := range f.status.Services {
				if (service.Refused != "") != (service.Name == "worker") {
					t.Errorf("service %s: refused %q", service.Name, service.Refused)
				}
			}
		})
	}
}
