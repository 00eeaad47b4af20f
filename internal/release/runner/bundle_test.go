package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

// released runs a push and returns the release that came of it.
func (f *fixture) released(t *testing.T) *v1alpha1.Release {
	t.Helper()
	if err := f.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	made := f.inputs("alice").Release
	made.Name = "shop-production-1"
	if made.Status.Phase != v1alpha1.PhaseSucceeded {
		t.Fatalf("the push ended as %s: %s", made.Status.Phase, made.Status.Message)
	}
	f.status = v1alpha1.ReleaseStatus{}
	f.read, f.opened, f.writes = nil, 0, 0
	return made
}

// from returns the inputs of a release that takes another's bundle.
func (f *fixture) from(good *v1alpha1.Release, trigger v1alpha1.Trigger, by string) release.Inputs {
	inputs := f.inputs("")
	inputs.Release.Name = "shop-production-2"
	inputs.Release.Spec = v1alpha1.ReleaseSpec{Sequence: 2, Head: good.Spec.Head, Trigger: trigger, From: good.Name, By: by}
	inputs.Stage.Spec.Wanted = v1alpha1.Head{Commit: releasetest.Commit("b"), FileCommit: releasetest.Commit("f")}
	inputs.From, inputs.Good = good, good
	return inputs
}

func TestBundlesAreTakenAsTheyAre(t *testing.T) {
	tests := map[v1alpha1.Trigger]string{
		v1alpha1.TriggerRollback:     "back at release shop-production-1, as max asked: 4 created",
		v1alpha1.TriggerAutoRollback: "back at release shop-production-1: 4 created",
		v1alpha1.TriggerRestart:      "restarted, as max asked: 4 created",
		v1alpha1.TriggerScale:        "scaled, as max asked (back to the project file): 4 created",
		v1alpha1.TriggerWake:         "awake, as max asked: 4 created",
		v1alpha1.TriggerAutoWake:     "awake, because somebody visits it: 4 created",
	}
	for trigger, says := range tests {
		t.Run(string(trigger), func(t *testing.T) {
			f := newFixture(t)
			f.file = people
			good := f.released(t)
			was := string(f.applied)
			f.applied = []byte("something bad")
			jobs := len(f.jobs)
			inputs := f.from(good, trigger, "max")
			inputs.Release.Spec.Reason = "somebody visits it"
			if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
				t.Fatal(err)
			}
			s := f.status
			if s.Phase != v1alpha1.PhaseSucceeded || !strings.HasPrefix(s.Message, says) || s.Built != 0 || s.Reused != 1 {
				t.Errorf("status: %s %s, built %d, reused %d", s.Phase, s.Message, s.Built, s.Reused)
			}
			if string(f.applied) != was || s.Bundle != good.Status.Bundle || f.opened != 0 || len(f.read) != 0 || len(f.jobs) != jobs {
				t.Errorf("not the very bundle, or git (%d trees, files of %v) or a build was asked for", f.opened, f.read)
			}
			if want := map[string]time.Duration{"web": 90 * time.Second}; !cmp.Equal(f.deadlines, want) {
				t.Errorf("deadlines %v, want %v", f.deadlines, want)
			}
			if f.rests {
				t.Error("Jobs that failed are not run again")
			}
			if want := map[bool]int{true: 1, false: 0}[trigger == v1alpha1.TriggerRestart]; len(f.restarts) != want {
				t.Errorf("restarts %v", f.restarts)
			}
		})
	}
}

// A stage that falls asleep has the very bundle, without pods.
func TestSleepTakesThePodsAway(t *testing.T) {
	for trigger, says := range map[v1alpha1.Trigger]string{
		v1alpha1.TriggerSleep:     "asleep, as max asked: 4 created",
		v1alpha1.TriggerAutoSleep: "asleep, because nobody visited it for 2h: 4 created",
	} {
		f := newFixture(t)
		f.file = people
		good := f.released(t)
		inputs := f.from(good, trigger, "max")
		inputs.Release.Spec.Reason = "nobody visited it for 2h"
		want, err := release.Applied(f.applied, inputs.Stage, trigger)
		if err != nil || string(want) == string(f.applied) {
			t.Fatalf("%v: nothing was taken away", err)
		}
		if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
			t.Fatal(err)
		}
		if s := f.status; s.Phase != v1alpha1.PhaseSucceeded || !strings.HasPrefix(s.Message, says) || s.Bundle != good.Status.Bundle || string(f.applied) != string(want) || !f.rests {
			t.Errorf("status %s %s, bundle %s; applied\n%s", s.Phase, s.Message, s.Bundle, f.applied)
		}
	}
}

func TestRollbackGoesOnAfterEveryWrite(t *testing.T) {
	whole := newFixture(t)
	good := whole.released(t)
	if err := whole.runner().Run(t.Context(), whole.from(good, v1alpha1.TriggerRestart, "max"), whole, nil); err != nil {
		t.Fatal(err)
	}
	if whole.writes < 3 {
		t.Fatalf("only %d writes: nothing is interrupted", whole.writes)
	}
	for n := 1; n < whole.writes; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := newFixture(t)
			good := f.released(t)
			was := string(f.applied)
			f.applied = nil
			ctx, cancel := context.WithCancel(t.Context())
			f.stop, f.stopAt = cancel, n
			if err := f.runner().Run(ctx, f.from(good, v1alpha1.TriggerRestart, "max"), f, nil); !errors.Is(err, context.Canceled) {
				t.Fatalf("stopped run: %v", err)
			}
			if err := f.runner().Run(t.Context(), f.from(good, v1alpha1.TriggerRestart, "max"), f, nil); err != nil {
				t.Fatal(err)
			}
			if f.status.Phase != v1alpha1.PhaseSucceeded || string(f.applied) != was {
				t.Errorf("phase %s: %s", f.status.Phase, f.status.Message)
			}
			for _, mark := range f.restarts {
				if mark != "shop-production-2" {
					t.Errorf("marks %v: pods would roll more than once", f.restarts)
				}
			}
		})
	}
}

func TestBundleIsGone(t *testing.T) {
	f := newFixture(t)
	good := f.released(t)
	inputs := f.from(good, v1alpha1.TriggerRollback, "max")
	inputs.From = nil
	if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
		t.Fatal(err)
	}
	if f.status.Phase != v1alpha1.PhaseFailed || !strings.Contains(f.status.Message, "release shop-production-1 is gone, so nothing can be taken from it") {
		t.Errorf("%s: %s", f.status.Phase, f.status.Message)
	}
}

func TestPromotionBuildsNothing(t *testing.T) {
	f := newFixture(t)
	f.file = people
	good := f.released(t)
	f.image(f.host + "/library/cache:1") // the tag moves on
	inputs := f.from(good, v1alpha1.TriggerPromotion, "olga")
	inputs.Stage.Spec.Name, inputs.Stage.Spec.Rule = "live", "live"
	jobs := len(f.jobs)
	if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
		t.Fatal(err)
	}
	s := f.status
	if s.Phase != v1alpha1.PhaseSucceeded || s.Built != 0 || s.Reused != 1 || len(f.jobs) != jobs {
		t.Fatalf("%s: %s (built %d, reused %d)", s.Phase, s.Message, s.Built, s.Reused)
	}
	for i, service := range s.Services {
		if service.Image == "" || service.Image != good.Status.Services[i].Image || !strings.Contains(string(f.applied), service.Image) {
			t.Errorf("service %s runs %s, promoted was %s", service.Name, service.Image, good.Status.Services[i].Image)
		}
	}
	if s.Services[1].Why != "promoted: the image of release shop-production-1" {
		t.Errorf("why: %s", s.Services[1].Why)
	}
}

func TestPromotionNeedsEveryImage(t *testing.T) {
	f := newFixture(t)
	f.file = people
	good := f.released(t)
	good.Status.Services = good.Status.Services[:1]
	inputs := f.from(good, v1alpha1.TriggerPromotion, "olga")
	inputs.Stage.Spec.Name, inputs.Stage.Spec.Rule = "live", "live"
	if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
		t.Fatal(err)
	}
	if f.status.Phase != v1alpha1.PhaseFailed || !strings.Contains(f.status.Message, "has no image of web, which stage live runs") || len(f.bundles) != 1 {
		t.Errorf("%s: %s", f.status.Phase, f.status.Message)
	}
}
