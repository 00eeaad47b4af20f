package operate

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// stageWith makes a stage's releases from words, newest first: phase, commit,
// bundle, and whether it was applied.
func stageWith(words ...string) *Stage {
	s := &Stage{Object: &v1alpha1.Stage{Spec: v1alpha1.StageSpec{Project: "shop", Name: "production"}}}
	for i, word := range words {
		part := strings.Fields(word)
		rel := v1alpha1.Release{Spec: v1alpha1.ReleaseSpec{Sequence: int64(len(words) - i), Head: v1alpha1.Head{Commit: part[1]}}}
		rel.Status.Phase = v1alpha1.Phase(part[0])
		if len(part) > 2 {
			rel.Status.Bundle, rel.Status.BundleDigest = "bundle-"+part[2], part[2]
			rel.Status.Timings = []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseApplying}}
		}
		s.Releases = append(s.Releases, rel)
	}
	return s
}

func TestRollbackTarget(t *testing.T) {
	tests := map[string]struct {
		releases   []string
		quarantine string
		want       int64 // 0 for none
	}{
		"a failed one is left":                   {[]string{"Failed c 3", "Succeeded b 2", "Succeeded a 1"}, "", 2},
		"a live one is left":                     {[]string{"Succeeded c 3", "Succeeded b 2"}, "", 1},
		"a held one was never there":             {[]string{"Held d", "Succeeded c 3", "Succeeded b 2"}, "", 1},
		"a superseded one was never there":       {[]string{"Superseded d", "Succeeded c 3", "Superseded x", "Succeeded b 2"}, "", 1},
		"the same manifests are no way back":     {[]string{"Succeeded b 2", "Succeeded c 3", "Succeeded b 2"}, "", 2},
		"a quarantined commit is no way back":    {[]string{"Succeeded b 2", "Succeeded c 3", "Succeeded a 1"}, "c", 1},
		"a failed one is no way back":            {[]string{"Succeeded c 3", "Failed b 2", "Succeeded a 1"}, "", 1},
		"a lost bundle is no way back":           {[]string{"Succeeded c 3", "Succeeded b", "Succeeded a 1"}, "", 1},
		"the first":                              {[]string{"Succeeded a 1"}, "", 0},
		"nothing":                                {nil, "", 0},
		"nothing but the same and failures":      {[]string{"Succeeded a 1", "Failed b 2", "Succeeded a 1"}, "", 0},
		"running now, which others came before":  {[]string{"Verifying c 3", "Succeeded b 2"}, "", 1},
		"still building, so the one before runs": {[]string{"Building d", "Succeeded c 3", "Succeeded b 2"}, "", 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := stageWith(tt.releases...)
			if tt.quarantine != "" {
				s.Object.Status.Quarantine = &v1alpha1.Quarantine{Commit: tt.quarantine}
			}
			got, err := s.rollbackTarget(0)
			switch {
			case tt.want == 0 && fault.CodeOf(err) != fault.NotFound:
				t.Errorf("got %v, %v; want a fault not_found", got, err)
			case tt.want != 0 && err != nil:
				t.Error(err)
			case tt.want != 0 && got.Spec.Sequence != tt.want:
				t.Errorf("got release %d, want %d", got.Spec.Sequence, tt.want)
			}
		})
	}
}
