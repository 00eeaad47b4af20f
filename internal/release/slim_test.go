package release_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
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
				{Manager: "slipway", Operation: "Update", APIVersion: "slipway.dev/v1alpha1", FieldsType: "FieldsV1", Time: new(metav1.NewTime(at)), FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:metadata":{"f:labels":{".":{},"f:slipway.dev/organization":{},"f:slipway.dev/project":{},"f:slipway.dev/stage":{}},"f:ownerReferences":{".":{}}},"f:spec":{".":{},"f:head":{},"f:project":{},"f:sequence":{},"f:stage":{},"f:trigger":{}}}`)}},
				{Manager: "slipway", Operation: "Update", Subresource: "status", APIVersion: "slipway.dev/v1alpha1", FieldsType: "FieldsV1", Time: new(metav1.NewTime(at)), FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:status":{}}`)}},
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

var _ = strings.Repeat
