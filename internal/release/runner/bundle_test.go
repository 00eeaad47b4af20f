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

// brought runs a push and returns the release that came of it.
func (w *world) brought(t *testing.T) *v1alpha1.Release {
	t.Helper()
	if err := w.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	made := w.order("alice").Release
	made.Name = "shop-production-1"
	if made.Status.Phase != v1alpha1.PhaseSucceeded {
		t.Fatalf("the push ended as %s: %s", made.Status.Phase, made.Status.Message)
	}
	w.status = v1alpha1.ReleaseStatus{}
	w.read, w.opened, w.writes = nil, 0, 0
	return made
}

// from returns the order of a release that takes another's bundle.
func (w *world) from(good *v1alpha1.Release, trigger v1alpha1.Trigger, by string) release.Inputs {
	order := w.order("")
	order.Release.Name = "shop-production-2"
	order.Release.Spec = v1alpha1.ReleaseSpec{Sequence: 2, Head: good.Spec.Head, Trigger: trigger, From: good.Name, By: by}
	order.Stage.Spec.Wanted = v1alpha1.Head{Commit: releasetest.Commit("b"), FileCommit: releasetest.Commit("f")}
	order.From, order.Good = good, good
	return order
}

func TestBundlesAreTakenAsTheyAre(t *testing.T) {
	tests := map[v1alpha1.Trigger]string{
		v1alpha1.TriggerRollback:     "back at release shop-production-1, as max asked: 4 created",
		v1alpha1.TriggerAutoRollback: "back at release shop-production-1: 4 created",
		v1alpha1.TriggerRestart:      "restarted, as max asked: 4 created",
		v1alpha1.TriggerScale:        "scaled, as max asked (back to the project file): 4 created",
	}
	for trigger, says := range tests {
		t.Run(string(trigger), func(t *testing.T) {
			w := newWorld(t)
			w.file = people
			good := w.brought(t)
			was := string(w.applied)
			w.applied = []byte("something bad")
			jobs := len(w.jobs)
			if err := w.runner().Run(t.Context(), w.from(good, trigger, "max"), w, nil); err != nil {
				t.Fatal(err)
			}
			s := w.status
			if s.Phase != v1alpha1.PhaseSucceeded || !strings.HasPrefix(s.Message, says) || s.Built != 0 || s.Reused != 1 {
				t.Errorf("status: %s %s, built %d, reused %d", s.Phase, s.Message, s.Built, s.Reused)
			}
			if string(w.applied) != was || s.Bundle != good.Status.Bundle || w.opened != 0 || len(w.read) != 0 || len(w.jobs) != jobs {
				t.Errorf("not the very bundle, or git (%d trees, files of %v) or a build was asked for", w.opened, w.read)
			}
			if want := map[string]time.Duration{"web": 90 * time.Second}; !cmp.Equal(w.deadlines, want) {
				t.Errorf("deadlines %v, want %v", w.deadlines, want)
			}
			if want := map[bool]int{true: 1, false: 0}[trigger == v1alpha1.TriggerRestart]; len(w.restarts) != want {
				t.Errorf("restarts %v", w.restarts)
			}
		})
	}
}

func TestRollbackGoesOnAfterEveryWrite(t *testing.T) {
	whole := newWorld(t)
	good := whole.brought(t)
	if err := whole.runner().Run(t.Context(), whole.from(good, v1alpha1.TriggerRestart, "max"), whole, nil); err != nil {
		t.Fatal(err)
	}
	if whole.writes < 3 {
		t.Fatalf("only %d writes: nothing is interrupted", whole.writes)
	}
	for n := 1; n < whole.writes; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t)
			good := w.brought(t)
			was := string(w.applied)
			w.applied = nil
			ctx, cancel := context.WithCancel(t.Context())
			w.stop, w.stopAt = cancel, n
			if err := w.runner().Run(ctx, w.from(good, v1alpha1.TriggerRestart, "max"), w, nil); !errors.Is(err, context.Canceled) {
				t.Fatalf("stopped run: %v", err)
			}
			if err := w.runner().Run(t.Context(), w.from(good, v1alpha1.TriggerRestart, "max"), w, nil); err != nil {
				t.Fatal(err)
			}
			if w.status.Phase != v1alpha1.PhaseSucceeded || string(w.applied) != was {
				t.Errorf("phase %s: %s", w.status.Phase, w.status.Message)
			}
			for _, mark := range w.restarts {
				if mark != "shop-production-2" {
					t.Errorf("marks %v: pods would roll more than once", w.restarts)
				}
			}
		})
	}
}

func TestBundleIsGone(t *testing.T) {
	w := newWorld(t)
	good := w.brought(t)
	order := w.from(good, v1alpha1.TriggerRollback, "max")
	order.From = nil
	if err := w.runner().Run(t.Context(), order, w, nil); err != nil {
		t.Fatal(err)
	}
	if w.status.Phase != v1alpha1.PhaseFailed || !strings.Contains(w.status.Message, "release shop-production-1 is gone, so its bundle can't be applied") {
		t.Errorf("%s: %s", w.status.Phase, w.status.Message)
	}
}

func TestPromotionBuildsNothing(t *testing.T) {
	w := newWorld(t)
	w.file = people
	good := w.brought(t)
	w.image(w.host + "/library/cache:1") // the tag moves on
	order := w.from(good, v1alpha1.TriggerPromotion, "olga")
	order.Stage.Spec.Name, order.Stage.Spec.Rule = "live", "live"
	jobs := len(w.jobs)
	if err := w.runner().Run(t.Context(), order, w, nil); err != nil {
		t.Fatal(err)
	}
	s := w.status
	if s.Phase != v1alpha1.PhaseSucceeded || s.Built != 0 || s.Reused != 1 || len(w.jobs) != jobs {
		t.Fatalf("%s: %s (built %d, reused %d)", s.Phase, s.Message, s.Built, s.Reused)
	}
	for i, service := range s.Services {
		if service.Image == "" || service.Image != good.Status.Services[i].Image || !strings.Contains(string(w.applied), service.Image) {
			t.Errorf("service %s runs %s, promoted was %s", service.Name, service.Image, good.Status.Services[i].Image)
		}
	}
	if s.Services[1].Why != "promoted: the image of release shop-production-1" {
		t.Errorf("why: %s", s.Services[1].Why)
	}
}

func TestPromotionNeedsEveryImage(t *testing.T) {
	w := newWorld(t)
	w.file = people
	good := w.brought(t)
	good.Status.Services = good.Status.Services[:1]
	order := w.from(good, v1alpha1.TriggerPromotion, "olga")
	order.Stage.Spec.Name, order.Stage.Spec.Rule = "live", "live"
	if err := w.runner().Run(t.Context(), order, w, nil); err != nil {
		t.Fatal(err)
	}
	if w.status.Phase != v1alpha1.PhaseFailed || !strings.Contains(w.status.Message, "has no image of web, which stage live runs") || len(w.bundles) != 1 {
		t.Errorf("%s: %s", w.status.Phase, w.status.Message)
	}
}
