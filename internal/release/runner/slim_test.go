package runner_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

// slim makes the releases of inputs slim, as a watch cache keeps them.
func slim(inputs *release.Inputs, details func(context.Context, *v1alpha1.Release) (*v1alpha1.Release, error)) {
	inputs.Details = details
	if inputs.Good != nil {
		inputs.Good = release.SlimRelease(inputs.Good)
	}
	if inputs.From != nil {
		inputs.From = release.SlimRelease(inputs.From)
	}
}

// always returns details that are found, and gone those of a deleted release.
func always(whole *v1alpha1.Release) func(context.Context, *v1alpha1.Release) (*v1alpha1.Release, error) {
	return func(context.Context, *v1alpha1.Release) (*v1alpha1.Release, error) { return whole, nil }
}

func gone(context.Context, *v1alpha1.Release) (*v1alpha1.Release, error) {
	return nil, fault.New(fault.NotFound, "the release is gone")
}

// Releases that the watch cache keeps slim make no difference.
func TestSlimReleasesMakeNoDifference(t *testing.T) {
	triggers := []v1alpha1.Trigger{
		v1alpha1.TriggerPush, v1alpha1.TriggerDeploy, v1alpha1.TriggerRollback, v1alpha1.TriggerAutoRollback, v1alpha1.TriggerRestart, v1alpha1.TriggerPromotion,
	}
	for _, trigger := range triggers {
		t.Run(string(trigger), func(t *testing.T) {
			f := newFixture(t)
			f.file = people
			good := f.released(t)
			if !release.IsSlim(release.SlimRelease(good)) || release.IsSlim(good) {
				t.Fatal("a slim release is not told from a whole one")
			}
			run := func(change func(*release.Inputs)) v1alpha1.ReleaseStatus {
				f.status = v1alpha1.ReleaseStatus{}
				inputs := f.from(good.DeepCopy(), trigger, "max")
				inputs.Release.Spec.Head.Actor = "max"
				change(&inputs)
				if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
					t.Fatal(err)
				}
				return f.status
			}
			whole := run(func(*release.Inputs) {})
			got := run(func(inputs *release.Inputs) { slim(inputs, always(good)) })
			if whole.Phase != v1alpha1.PhaseSucceeded || len(whole.Services) != 2 {
				t.Errorf("whole: %s, %+v", whole.Message, whole.Services)
			}
			if diff := cmp.Diff(whole, got, cmpopts.IgnoreFields(v1alpha1.PhaseTime{}, "At")); diff != "" {
				t.Errorf("status (-whole +slim):\n%s", diff)
			}
		})
	}
}

// A source that was deleted meanwhile ends the releases that need it, and no other.
func TestSlimReleaseIsGone(t *testing.T) {
	tests := map[v1alpha1.Trigger]v1alpha1.Phase{
		v1alpha1.TriggerPush: v1alpha1.PhaseSucceeded, v1alpha1.TriggerRollback: v1alpha1.PhaseFailed, v1alpha1.TriggerPromotion: v1alpha1.PhaseFailed,
	}
	for trigger, want := range tests {
		t.Run(string(trigger), func(t *testing.T) {
			f := newFixture(t)
			f.file = people
			inputs := f.from(f.released(t), trigger, "max")
			inputs.Release.Spec.Head.Actor = "max"
			slim(&inputs, gone)
			if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
				t.Fatal(err)
			}
			if f.status.Phase != want || want == v1alpha1.PhaseFailed && !strings.Contains(f.status.Message, "release shop-production-1 is gone") {
				t.Errorf("%s: %s, want %s", f.status.Phase, f.status.Message, want)
			}
		})
	}
}

func TestRestartOfServicesReadsDetails(t *testing.T) {
	f := newFixture(t)
	f.file = people
	past := releasetest.Past("push a good")
	past[0].Spec.Project, past[0].Spec.Stage = "shop", "shop-staging"
	past[0].Status.Services = []v1alpha1.ReleaseService{{Name: "web"}}
	tests := map[string]struct {
		service string
		details func(context.Context, *v1alpha1.Release) (*v1alpha1.Release, error)
		refused string
	}{
		"known":   {"web", always(&past[0]), ""},
		"unknown": {"nope", always(&past[0]), "stage staging has no service nope to restart"},
		"gone":    {"web", gone, "release r1 is gone"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inputs, history := f.request("staging", v1alpha1.TriggerRestart, "olga", &past[0], past)
			inputs.Release.Spec.Services = []string{tt.service}
			slim(&inputs, tt.details)
			answer, err := f.runner().Accept(t.Context(), inputs, history)
			if err != nil {
				t.Fatal(err)
			}
			if got := answer.Refused; (got != nil) != (tt.refused != "") || got != nil && !strings.Contains(got.Message, tt.refused) {
				t.Errorf("refused: %v, want %q", got, tt.refused)
			}
		})
	}
}
