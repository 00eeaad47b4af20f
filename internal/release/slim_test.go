package release_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

// hexadecimal returns an id of n digits made of a number.
func hexadecimal(n, of int) string {
	return fmt.Sprintf("%0*x", n, uint64(of)*0x9e3779b97f4a7c15)[:n]
}

// finished returns release number i as the API server keeps it after a push to a
// stage with five services, two of which were built.
func finished(i int) *v1alpha1.Release {
	stage, number := fmt.Sprintf("shop-%d-production", i%100), i/100+1
	at := time.Unix(1_700_000_000+int64(i), 0)
	r := &v1alpha1.Release{
		TypeMeta: metav1.TypeMeta{APIVersion: "slipway.dev/v1alpha1", Kind: "Release"},
		ObjectMeta: metav1.ObjectMeta{
			Name: fmt.Sprintf("%s-%d", stage, number), Namespace: "slipway-org-acme", UID: types.UID(hexadecimal(36, i)),
			ResourceVersion: fmt.Sprint(100_000 + i), Generation: 1, CreationTimestamp: metav1.NewTime(at),
			Labels: map[string]string{
				"slipway.dev/organization": "acme", "slipway.dev/project": fmt.Sprintf("shop-%d", i%100), "slipway.dev/stage": "production", "app.kubernetes.io/managed-by": "slipway",
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "slipway.dev/v1alpha1", Kind: "Stage", Name: stage, UID: types.UID(hexadecimal(36, i%100)), Controller: new(true), BlockOwnerDeletion: new(true),
			}},
			ManagedFields: []metav1.ManagedFieldsEntry{
				{Manager: "slipway", Operation: "Update", APIVersion: "slipway.dev/v1alpha1", FieldsType: "FieldsV1", Time: new(metav1.NewTime(at)), FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{".":{},"f:slipway.dev/organization":{},"f:slipway.dev/project":{},"f:slipway.dev/stage":{}},"f:ownerReferences":{".":{}}},"f:spec":{".":{},"f:head":{},"f:project":{},"f:sequence":{},"f:stage":{},"f:trigger":{}}}`)},
				{Manager: "slipway", Operation: "Update", Subresource: "status", APIVersion: "slipway.dev/v1alpha1", FieldsType: "FieldsV1", Time: new(metav1.NewTime(at)), FieldsV1: metav1.NewFieldsV1(`{"f:status":{}}`)},
			},
		},
		Spec: v1alpha1.ReleaseSpec{
			Project: fmt.Sprintf("shop-%d", i%100), Stage: stage, Sequence: int64(number), Trigger: v1alpha1.TriggerPush,
			Head: v1alpha1.Head{
				Commit: hexadecimal(40, i), FileCommit: hexadecimal(40, i), FileID: hexadecimal(40, i%7), Actor: "alice",
				Delivery: "github-" + hexadecimal(36, i), Subject: "checkout: the basket survives a reload of the page",
			},
		},
		Status: v1alpha1.ReleaseStatus{
			ObservedGeneration: 1, Phase: v1alpha1.PhaseSucceeded, Message: "live: 0 created, 2 changed, 14 unchanged, 0 removed; 2 built, 3 reused",
			Built: 2, Reused: 3, Bundle: stage + "-" + hexadecimal(16, i), BundleDigest: "sha256:" + hexadecimal(64, i),
			Changes: v1alpha1.Changes{Changed: 2, Unchanged: 14}, URL: "https://web-production-shop.apps.example.com/", Reported: v1alpha1.PhaseSucceeded,
		},
	}
	for n, name := range []string{"web", "api", "worker", "search", "mailer"} {
		r.Status.Services = append(r.Status.Services, v1alpha1.ReleaseService{
			Name: name, InputHash: hexadecimal(64, i+n), Image: "registry.example.com/acme/shop@sha256:" + hexadecimal(64, i+n), Reused: n > 1, URL: "https://" + name + "-production-shop.apps.example.com/",
			Why: "reused: nothing it is built from changed since release 41", Job: "build-" + hexadecimal(16, i+n),
			Inputs: map[string]string{"builder": "kaniko@sha256:" + hexadecimal(64, 1), "context " + name: hexadecimal(40, i+n), "Dockerfile": hexadecimal(40, n), "base image docker.io/library/golang:1.26": "sha256:" + hexadecimal(64, 2)},
		})
	}
	for n, phase := range []v1alpha1.Phase{v1alpha1.PhasePending, v1alpha1.PhaseBuilding, v1alpha1.PhaseRendering, v1alpha1.PhaseApplying, v1alpha1.PhaseVerifying, v1alpha1.PhaseSucceeded} {
		r.Status.Timings = append(r.Status.Timings, v1alpha1.PhaseTime{Phase: phase, At: metav1.NewMicroTime(at.Add(time.Duration(n) * time.Second))})
	}
	return r
}

// BenchmarkSlimReleases measures what a finished release takes in a watch cache, as
// it is and slim.
func BenchmarkSlimReleases(b *testing.B) {
	const releases = 2000
	encoded := make([][]byte, releases)
	for i := range encoded {
		var err error
		if encoded[i], err = json.Marshal(finished(i)); err != nil {
			b.Fatal(err)
		}
	}
	for _, kind := range []string{"whole", "slim"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				kept := make([]any, releases)
				before := heap()
				for i := range kept {
					var r v1alpha1.Release
					if err := json.Unmarshal(encoded[i], &r); err != nil {
						b.Fatal(err)
					}
					kept[i] = &r
					if kind == "slim" {
						kept[i], _ = release.SlimCached(&r)
					}
				}
				b.ReportMetric(float64(heap()-before)/releases, "B/release")
				runtime.KeepAlive(kept)
			}
		})
	}
}

// heap returns the bytes that are in use.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
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
			old, err := json.Marshal(before)
			if err != nil {
				t.Fatal(err)
			}
			changed, err := json.Marshal(after)
			if err != nil {
				t.Fatal(err)
			}
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
