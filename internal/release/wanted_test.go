package release

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
)

// Only stages of a pattern end by time.
func TestLifetime(t *testing.T) {
	tests := map[string]struct {
		rule project.Stage
		want time.Duration // 0 means forever
	}{
		"a pattern":              {project.Stage{Branch: "feature/*", TTL: "1h30m"}, 90 * time.Minute},
		"a pattern without time": {project.Stage{Branch: "feature/*"}, 0},
		"one branch":             {project.Stage{Branch: "main", TTL: "1h"}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := wantedStage(&v1alpha1.Project{}, "acme", project.Match{Rule: tt.rule, PerRef: tt.rule.Pattern()}, "refs/heads/main").Spec.TTL
			if (got == nil) != (tt.want == 0) || got != nil && got.Duration != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// A preview takes of its stage what is not for that stage alone.
func TestWantedPreview(t *testing.T) {
	p := &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "shop"}}
	file := &project.File{
		Stages: []project.Stage{{
			Name: "production", Branch: "main", Overlay: "deploy/production", Protected: true, PromoteFrom: "staging", TTL: "1h", Requires: project.Requires{Approvals: 2},
			Hosts: map[string]string{"web": "shop.example"}, Resources: project.Resources{CPU: "2"}, Sealed: project.Sealed{"stripe": {"key": "x"}},
			Freeze: []project.Freeze{{From: "2026-01-01T00:00:00Z"}}, Sleep: "20:00-07:00 UTC",
		}},
		Previews: &project.Previews{From: "production", TTL: "72h", SleepAfter: "8h"},
	}
	pushed := time.Unix(1_700_000_000, 0)
	got := WantedPreview(p, file, 7, "refs/heads/login", v1alpha1.Head{Commit: "c"}, pushed).Spec
	want := v1alpha1.StageSpec{
		Project: "shop", Name: "pr-7", Rule: "production", Ref: "refs/heads/login", Namespace: "sw-acme-shop-pr-7", Wanted: v1alpha1.Head{Commit: "c"}, OnDelete: "delete",
		TTL: &metav1.Duration{Duration: 72 * time.Hour}, Pushed: &metav1.Time{Time: pushed}, Resources: v1alpha1.StageResources{CPU: "2"}, PullRequest: 7,
		Sleep: &v1alpha1.Sleep{After: &metav1.Duration{Duration: 8 * time.Hour}}, Access: v1alpha1.AccessLink,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	rule, _ := file.Rule("production", true)
	if diff := cmp.Diff(project.Stage{Name: "production", Overlay: "deploy/production", Resources: project.Resources{CPU: "2"}}, rule); diff != "" {
		t.Errorf("its rule (-want +got):\n%s", diff)
	}
}

// Hosts that were given to a project are not for its previews.
func TestPlaceOfAPreview(t *testing.T) {
	o := Inputs{Project: &v1alpha1.Project{}, Cluster: &v1alpha1.Cluster{}, Stage: &v1alpha1.Stage{}}
	o.Project.Spec.Hosts = []string{"shop.example"}
	if hosts := o.Place().Hosts; len(hosts) != 1 {
		t.Errorf("a stage has the hosts %v", hosts)
	}
	o.Stage.Spec.PullRequest = 7
	if hosts := o.Place().Hosts; hosts == nil || len(hosts) != 0 {
		t.Errorf("a preview has the hosts %#v", hosts)
	}
}
