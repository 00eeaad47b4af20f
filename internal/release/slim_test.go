package release_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

// finished returns release number i of a hundred stages.
func finished(i int64) *v1alpha1.Release {
	return releasetest.Finished(releasetest.Stage(i%100), i%100, i/100+1)
}

func encode(t *testing.T, object any) []byte {
	t.Helper()
	encoded, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// Whatever happened to a stage: it decides the same from slim releases.
func TestSlimReleasesDecideTheSame(t *testing.T) {
	triggers := []string{"push", "push", "push", "deploy", "rollback", "auto-rollback", "promotion", "restart", "scale"}
	outcomes := []string{"good", "good", "failed", "broken", "failed returns", "broken returns", "held", "superseded", "runs", "asked", "refused"}
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for range rapid.IntRange(0, 6).Draw(t, "releases") {
			lines = append(lines, rapid.SampledFrom(triggers).Draw(t, "trigger")+" "+rapid.StringMatching("[a-c]").Draw(t, "commit")+" "+rapid.SampledFrom(outcomes).Draw(t, "outcome"))
		}
		whole := releasetest.Past(lines...)
		slim := make([]v1alpha1.Release, 0, len(whole))
		for i := range whole {
			detail(&whole[i])
			slim = append(slim, *release.SlimRelease(&whole[i]))
		}
		stage := wants(rapid.StringMatching("[a-c]").Draw(t, "wanted"))
		stage.Spec.Wanted.Actor = rapid.SampledFrom([]string{"", "alice"}).Draw(t, "actor")
		if rapid.Bool().Draw(t, "known") {
			stage.Status.Quarantine = &v1alpha1.Quarantine{Commit: releasetest.Commit("b"), Release: "r2"}
		}
		if diff := cmp.Diff(decisions(t, stage, whole), decisions(t, stage, slim)); diff != "" {
			t.Fatalf("after %v (-whole +slim):\n%s", lines, diff)
		}
	})
}

// detail gives a release what decisions don't need, and a build that may run.
func detail(r *v1alpha1.Release) {
	r.Labels = map[string]string{"a": "b"}
	r.Spec.By, r.Spec.Reason, r.Status.Message = "max", "it is slow", "the message"
	r.Status.Services = []v1alpha1.ReleaseService{{Name: "web", Image: "web@sha256:1"}, {Name: "api", Job: "build-" + r.Name}}
	r.Status.Timings = append(r.Status.Timings, v1alpha1.PhaseTime{Phase: r.Status.Phase})
	r.Status.Conditions = append(r.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionApproved, Status: metav1.ConditionTrue})
}

// decisions is everything that is decided from a stage's releases.
func decisions(t *rapid.T, stage *v1alpha1.Stage, releases []v1alpha1.Release) map[string]any {
	name := func(r *v1alpha1.Release) string {
		if r == nil {
			return ""
		}
		return r.Name
	}
	h := release.HistoryOf(stage, releases)
	step, err := release.Next(stage, h, fixed("c"))
	if err != nil {
		t.Fatal(err)
	}
	made := release.New(stage, release.NextNumber(stage, releases), step)
	all := map[string]any{
		"next": made.Spec, "reason": step.Reason, "message": step.Message, "builds": h.UnfinishedBuilds(),
		"good": name(h.Good()), "present": name(h.Present()), "pushed": name(h.Pushed()), "deploy": name(h.LastDeploy()),
		"target": name(h.RollbackTarget(stage.Status.Quarantine)), "quarantine": h.Quarantine(stage.Status.Quarantine),
	}
	for _, r := range releases {
		all["of "+r.Name] = []any{release.IsAsked(&r), release.IsRefused(&r), release.CameToApplying(r.Status), r.Status.Bundle, r.Status.BundleDigest}
	}
	return all
}

func TestSlimReleaseIsStable(t *testing.T) {
	whole := finished(1)
	before := whole.DeepCopy()
	slim := release.SlimRelease(whole)
	if diff := cmp.Diff(before, whole); diff != "" {
		t.Errorf("the release itself was changed:\n%s", diff)
	}
	if diff := cmp.Diff(slim, release.SlimRelease(slim.DeepCopy())); diff != "" {
		t.Errorf("slim again (-once +twice):\n%s", diff)
	}
	if !release.IsSlim(slim) || release.IsSlim(whole) {
		t.Error("IsSlim does not tell one from the other")
	}
	unfinished := finished(2)
	unfinished.Status.Phase = v1alpha1.PhaseVerifying
	if release.SlimRelease(unfinished) != unfinished || release.IsSlim(unfinished) {
		t.Error("a release that is not finished was made slim")
	}
	other := &v1alpha1.Stage{}
	if got, err := release.SlimCached(other); err != nil || got != any(other) {
		t.Errorf("another object became %v, %v", got, err)
	}
}

// A status patch that is made from a slim release contains what changed and nothing
// that the release lacks.
func TestPatchesFromSlimReleasesDeleteNothing(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.Release)
		want   string
	}{
		"reported": {func(r *v1alpha1.Release) { r.Status.Reported = v1alpha1.PhaseFailed }, `{"status":{"reported":"Failed"}}`},
		"labels":   {func(r *v1alpha1.Release) { r.Labels = map[string]string{"a": "b"} }, `{"metadata":{"labels":{"a":"b"}}}`},
		"nothing":  {func(*v1alpha1.Release) {}, `{}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before := release.SlimRelease(finished(1))
			after := before.DeepCopy()
			tt.change(after)
			old, changed := encode(t, before), encode(t, after)
			patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(old, changed, old)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(patch)); diff != "" {
				t.Errorf("patch (-want +got):\n%s", diff)
			}
		})
	}
}
