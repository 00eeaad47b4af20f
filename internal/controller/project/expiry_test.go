package project

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

func TestSeparate(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	stage := func(name, commit string, ttl, since time.Duration) v1alpha1.Stage {
		made := v1alpha1.Stage{Spec: v1alpha1.StageSpec{Ref: "refs/heads/" + name, Wanted: v1alpha1.Head{Commit: commit}}}
		made.Name = name
		if ttl > 0 {
			made.Spec.TTL = &metav1.Duration{Duration: ttl}
		}
		if since > 0 {
			made.Spec.Pushed = &metav1.Time{Time: now.Add(-since)}
		}
		return made
	}
	old := stage("unknown", "a", time.Hour, 0)
	old.CreationTimestamp = metav1.Time{Time: now.Add(-2 * time.Hour)}
	have := map[string]*v1alpha1.Stage{"unknown": &old}
	for _, s := range []v1alpha1.Stage{
		stage("young", "a", time.Hour, 59*time.Minute), stage("old", "a", time.Hour, 61*time.Minute), stage("moved", "a", time.Hour, 61*time.Minute),
	} {
		have[s.Name] = &s
	}
	known := []v1alpha1.ExpiredRef{{Ref: "refs/heads/known", Commit: "a"}, {Ref: "refs/heads/back", Commit: "a"}, {Ref: "refs/heads/deleted", Commit: "a"}}
	wanted := []v1alpha1.Stage{
		stage("ever", "a", 0, 0), stage("new", "a", time.Hour, 0), stage("young", "a", time.Hour, 0), stage("old", "a", time.Hour, 0),
		stage("moved", "b", time.Hour, 0), stage("known", "a", time.Hour, 0), stage("back", "b", time.Hour, 0), stage("unknown", "a", time.Hour, 0),
	}
	living, expired := separate(known, have, wanted, now)
	since := map[string]time.Duration{}
	for _, s := range living {
		since[s.Name] = -1
		if s.Spec.Pushed != nil {
			since[s.Name] = now.Sub(s.Spec.Pushed.Time)
		}
	}
	if diff := cmp.Diff(map[string]time.Duration{"ever": -1, "new": 0, "young": 59 * time.Minute, "moved": 0, "back": 0}, since); diff != "" {
		t.Errorf("living (-want +got):\n%s", diff)
	}
	want := []v1alpha1.ExpiredRef{{Ref: "refs/heads/known", Commit: "a"}, {Ref: "refs/heads/old", Commit: "a"}, {Ref: "refs/heads/unknown", Commit: "a"}}
	if diff := cmp.Diff(want, expired); diff != "" {
		t.Errorf("expired (-want +got):\n%s", diff)
	}
}
