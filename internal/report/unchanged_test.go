package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// unchanged returns a stage that has a commit, because it changes nothing since
// another.
func unchanged(name, commit, since string) v1alpha1.Stage {
	return v1alpha1.Stage{
		Spec: v1alpha1.StageSpec{Name: name},
		Status: v1alpha1.StageStatus{
			Commit: since, Attempted: since, Phase: v1alpha1.PhaseSucceeded, URL: "https://" + name + ".example",
			Head: &v1alpha1.UnchangedHead{Commit: commit, Since: since},
		},
	}
}

func TestUnchangedOf(t *testing.T) {
	const head, other, since, older = "a2ff6c3d0000", "beefbeef0000", "d4e8d1d00000", "0123456789ab"
	changed := func(name string, change func(*v1alpha1.Stage)) v1alpha1.Stage {
		stage := unchanged(name, head, since)
		change(&stage)
		return stage
	}
	rolledBack := changed("dev", func(s *v1alpha1.Stage) {
		s.Status.Commit, s.Status.Quarantine = older, &v1alpha1.Quarantine{Commit: since}
	})
	failed := changed("dev", func(s *v1alpha1.Stage) { s.Status.Commit, s.Status.Phase = older, v1alpha1.PhaseFailed })
	tests := map[string]struct {
		stages []v1alpha1.Stage
		own    []string
		want   []Unchanged
	}{
		"no stages": {},
		"one": {stages: []v1alpha1.Stage{unchanged("dev", head, since)},
			want: []Unchanged{{Commit: head, Stages: []string{"dev"}, Step: StepUnchanged, Sentence: "stage dev unchanged since d4e8d1d0", URL: "https://dev.example"}}},
		"many": {stages: []v1alpha1.Stage{unchanged("c", head, since), unchanged("a", head, older), unchanged("b", head, since)},
			want: []Unchanged{{Commit: head, Stages: []string{"a", "b", "c"}, Step: StepUnchanged, Sentence: "3 stages unchanged"}}},
		"two branches": {stages: []v1alpha1.Stage{unchanged("c", other, since), unchanged("a", head, since), unchanged("b", other, since)},
			want: []Unchanged{
				{Commit: head, Stages: []string{"a"}, Step: StepUnchanged, Sentence: "stage a unchanged since d4e8d1d0", URL: "https://a.example"},
				{Commit: other, Stages: []string{"b", "c"}, Step: StepUnchanged, Sentence: "2 stages unchanged"},
			}},
		"some on their own": {stages: []v1alpha1.Stage{unchanged("c", head, since), unchanged("b", head, since), unchanged("a", head, older)}, own: []string{"a", "c"},
			want: []Unchanged{
				{Commit: head, Stage: "a", Stages: []string{"a"}, Step: StepUnchanged, Sentence: "unchanged since 01234567", URL: "https://a.example"},
				{Commit: head, Stage: "c", Stages: []string{"c"}, Step: StepUnchanged, Sentence: "unchanged since d4e8d1d0", URL: "https://c.example"},
				{Commit: head, Stages: []string{"a", "b", "c"}, Step: StepUnchanged, Sentence: "3 stages unchanged"},
			}},
		"rolled back": {stages: []v1alpha1.Stage{rolledBack}, own: []string{"dev"},
			want: []Unchanged{{Commit: head, Stage: "dev", Stages: []string{"dev"}, Step: StepFailed, Sentence: "failed: unchanged since d4e8d1d0, which was rolled back", URL: "https://dev.example"}}},
		"failed": {stages: []v1alpha1.Stage{failed}, own: []string{"dev"},
			want: []Unchanged{{Commit: head, Stage: "dev", Stages: []string{"dev"}, Step: StepFailed, Sentence: "failed: unchanged since d4e8d1d0, which failed", URL: "https://dev.example"}}},
		"not counted":     {stages: []v1alpha1.Stage{rolledBack, failed}},
		"under way":       {stages: []v1alpha1.Stage{changed("dev", func(s *v1alpha1.Stage) { s.Status.Commit, s.Status.Phase = older, v1alpha1.PhaseApplying })}, own: []string{"dev"}},
		"released since":  {stages: []v1alpha1.Stage{changed("dev", func(s *v1alpha1.Stage) { s.Status.Commit, s.Status.Attempted = other, other })}, own: []string{"dev"}},
		"deployed itself": {stages: []v1alpha1.Stage{changed("dev", func(s *v1alpha1.Stage) { s.Status.Commit, s.Status.Attempted = head, head })}, own: []string{"dev"}},
		"no head":         {stages: []v1alpha1.Stage{changed("dev", func(s *v1alpha1.Stage) { s.Status.Head = nil })}, own: []string{"dev"}},
		"ends":            {stages: []v1alpha1.Stage{changed("dev", func(s *v1alpha1.Stage) { s.DeletionTimestamp = &metav1.Time{} })}, own: []string{"dev"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			own := map[string]bool{}
			for _, stage := range tt.own {
				own[stage] = true
			}
			for i := range tt.want {
				tt.want[i].Repository = "acme/shop"
			}
			got := UnchangedOf(shop(), tt.stages, func(s *v1alpha1.Stage) bool { return own[s.Spec.Name] })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
