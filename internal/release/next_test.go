package release_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

// fixed descends from whatever it is compared with, as commits on top do.
func fixed(commits ...string) func(string, string) (bool, error) {
	return func(c, _ string) (bool, error) {
		for _, name := range commits {
			if c == releasetest.Commit(name) {
				return true, nil
			}
		}
		return false, nil
	}
}

func wants(name string) *v1alpha1.Stage {
	return &v1alpha1.Stage{Spec: v1alpha1.StageSpec{Project: "shop", Name: "dev", Wanted: v1alpha1.Head{Commit: releasetest.Commit(name)}}}
}

func TestNext(t *testing.T) {
	tests := map[string]struct {
		wanted string
		past   []v1alpha1.Release
		change func(*v1alpha1.Stage)
		want   string // trigger, or reason
	}{
		"the first":                      {"a", nil, nil, "push"},
		"released already":               {"a", releasetest.Past("push a good"), nil, ""},
		"released and failed":            {"a", releasetest.Past("push a failed"), nil, ""},
		"a newer one":                    {"b", releasetest.Past("push a good"), nil, "push"},
		"an older one by force":          {"a", releasetest.Past("push a good", "push b good"), nil, "push"},
		"another file":                   {"a", releasetest.Past("push a good"), func(s *v1alpha1.Stage) { s.Spec.Wanted.FileID = "f" }, "push"},
		"its pusher becomes known":       {"a", releasetest.Past("push a held"), func(s *v1alpha1.Stage) { s.Spec.Wanted.Actor = "max" }, "push"},
		"its pusher, too late":           {"a", releasetest.Past("push a good"), func(s *v1alpha1.Stage) { s.Spec.Wanted.Actor = "max" }, ""},
		"paused":                         {"b", releasetest.Past("push a good"), func(s *v1alpha1.Stage) { s.Spec.Pause = &v1alpha1.Pause{By: "max"} }, "Paused"},
		"promotions only":                {"b", releasetest.Past("promotion a good"), func(s *v1alpha1.Stage) { s.Spec.PromoteFrom = "staging" }, "Promotion"},
		"gone back":                      {"b", releasetest.Past("push a good", "push b good", "rollback a good"), nil, "Quarantined"},
		"gone back, a fix":               {"c", releasetest.Past("push a good", "push b good", "rollback a good"), nil, "push"},
		"gone back, something else":      {"d", releasetest.Past("push a good", "push b good", "rollback a good"), nil, "Diverged"},
		"gone back, released the fix":    {"c", releasetest.Past("push a good", "push b good", "rollback a good", "push c failed"), nil, ""},
		"gone back twice":                {"b", releasetest.Past("push a good", "push b good", "rollback a good", "rollback a good"), nil, "Quarantined"},
		"gone back and restarted":        {"b", releasetest.Past("push a good", "push b good", "rollback a good", "restart a good"), nil, "Quarantined"},
		"going back is asked for":        {"b", releasetest.Past("push a good", "push b good", "rollback a asked"), nil, ""},
		"going back was refused":         {"b", releasetest.Past("push a good", "push b good", "rollback a refused"), nil, ""},
		"going back was refused, a push": {"d", releasetest.Past("push a good", "push b good", "rollback a refused"), nil, "push"},
		"an older one was deployed":      {"b", releasetest.Past("push a good", "push b good", "deploy a good"), nil, ""},
		"deployed, then a push":          {"c", releasetest.Past("push a good", "push b good", "deploy a good"), nil, "push"},
		"deployed what was quarantined":  {"b", releasetest.Past("push a good", "push b good", "rollback a good", "deploy b good"), nil, ""},
		"deployed what diverged":         {"d", releasetest.Past("push a good", "push b good", "rollback a good", "deploy d good"), nil, ""},
		"deployed, another file":         {"a", releasetest.Past("deploy a good"), func(s *v1alpha1.Stage) { s.Spec.Wanted.FileID = "f" }, ""},
		"held gave way to a restart":     {"b", releasetest.Past("push a good", "push b superseded", "restart a good"), nil, "push"},
		"held gave way to a visit":       {"b", releasetest.Past("push a good", "sleep a good", "push b superseded", "auto-wake a good"), nil, "push"},
		"held waits for a restart":       {"b", releasetest.Past("push a good", "push b superseded", "restart a runs"), nil, ""},
		"held gave way to a rollback":    {"b", releasetest.Past("push a good", "push b superseded", "rollback a good", "restart a good"), nil, "Quarantined"},
		"returns":                        {"b", releasetest.Past("push a good", "push b failed returns"), nil, "auto-rollback"},
		"returns, but a newer is wanted": {"c", releasetest.Past("push a good", "push b failed returns"), nil, "push"},
		"returns, in a pause":            {"b", releasetest.Past("push a good", "push b failed returns"), func(s *v1alpha1.Stage) { s.Spec.Pause = &v1alpha1.Pause{By: "max"} }, "Paused"},
		"returns a promotion":            {"b", releasetest.Past("promotion a good", "promotion b failed returns"), func(s *v1alpha1.Stage) { s.Spec.PromoteFrom = "staging" }, "auto-rollback"},
		"returned":                       {"b", releasetest.Past("push a good", "push b failed returns", "auto-rollback a good"), nil, "Quarantined"},
		"the return failed":              {"b", releasetest.Past("push a good", "push b failed returns", "auto-rollback a failed"), nil, "Quarantined"},
		"nothing to return to":           {"b", releasetest.Past("push b failed returns"), nil, ""},
		"only the status remembers": {"b", releasetest.Past("restart a good"), func(s *v1alpha1.Stage) {
			s.Status.Quarantine = &v1alpha1.Quarantine{Commit: releasetest.Commit("b"), Release: "gone"}
		}, "Quarantined"},
		"the status is behind": {"c", releasetest.Past("push a good", "push b good", "rollback a good", "push c good"), func(s *v1alpha1.Stage) {
			s.Status.Quarantine = &v1alpha1.Quarantine{Commit: releasetest.Commit("b"), Release: "r2"}
		}, ""},
		"the release is behind": {"b", releasetest.Past("push a good", "push b good"), func(s *v1alpha1.Stage) {
			s.Status.Quarantine = &v1alpha1.Quarantine{Commit: releasetest.Commit("b"), Release: "r2"}
		}, "Quarantined"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stage := wants(tt.wanted)
			if tt.change != nil {
				tt.change(stage)
			}
			step, err := release.Next(stage, release.NewHistory(tt.past), fixed("c"))
			got := string(step.Trigger)
			if got == "" {
				got = step.Reason
			}
			if err != nil || got != tt.want {
				t.Errorf("next is %q (%s), %v; want %q", got, step.Message, err, tt.want)
			}
			if step.Trigger == v1alpha1.TriggerAutoRollback && (step.From == nil || step.From.Spec.Head.Commit != releasetest.Commit("a")) {
				t.Errorf("returns to %+v", step.From)
			}
			if step.Trigger == "" && (step.Reason == "") != (step.Message == "") {
				t.Errorf("reason %q, message %q", step.Reason, step.Message)
			}
		})
	}
}

func TestNextSaysWhoWhyAndWhatToDo(t *testing.T) {
	back := releasetest.Past("push a good", "push b good", "rollback a good")
	back[2].Spec.Reason = "shop is down"
	tests := map[string]struct {
		stage *v1alpha1.Stage
		past  []v1alpha1.Release
		want  string
	}{
		"paused": {func() *v1alpha1.Stage {
			s := wants("b")
			s.Spec.Pause = &v1alpha1.Pause{By: "max", Reason: "audit"}
			return s
		}(), nil, "paused by max: audit; `slipway resume shop dev` lets pushes through again"},
		"quarantined": {wants("b"), back, "commit bbbbbbbb has been quarantined since max rolled back its release r2: shop is down; push a later commit on top of it, or let an owner deploy it: `slipway deploy shop dev`"},
		"diverged":    {wants("d"), back, "commit dddddddd is not known to descend from bbbbbbbb, which has been quarantined since max rolled back its release r2: shop is down; `slipway deploy shop dev` deploys it nevertheless"},
		"returned":    {wants("b"), releasetest.Past("push a good", "push b failed returns", "auto-rollback a good"), "commit bbbbbbbb has been quarantined since its release r2 failed; push a later commit on top of it, or let an owner deploy it: `slipway deploy shop dev`"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			step, err := release.Next(tt.stage, release.NewHistory(tt.past), fixed())
			if diff := cmp.Diff(tt.want, step.Message); diff != "" || err != nil {
				t.Errorf("message (-want +got): %v\n%s", err, diff)
			}
		})
	}
}

func TestNextDoesNotGuessAncestry(t *testing.T) {
	broken := errors.New("the forge is away")
	_, err := release.Next(wants("c"), release.NewHistory(releasetest.Past("push a good", "push b good", "rollback a good")), func(string, string) (bool, error) { return true, broken })
	if !errors.Is(err, broken) {
		t.Errorf("err = %v, want the cause", err)
	}
}
