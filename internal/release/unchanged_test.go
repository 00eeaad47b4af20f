package release_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

func stageAt(commit string) *v1alpha1.Stage {
	return &v1alpha1.Stage{Spec: v1alpha1.StageSpec{Wanted: v1alpha1.Head{Commit: releasetest.Commit(commit)}}}
}

// What a new head is compared with, by a stage that wants the commit b.
func TestBaseline(t *testing.T) {
	tests := map[string]struct {
		past   []string
		change func(*v1alpha1.Stage, []v1alpha1.Release)
		want   string
	}{
		"nothing yet":                 {},
		"live":                        {past: []string{"push a good", "push b good"}, want: "r2"},
		"on its way":                  {past: []string{"push b runs"}, want: "r1"},
		"not rendered yet":            {past: []string{"push b runs"}, change: func(_ *v1alpha1.Stage, h []v1alpha1.Release) { h[0].Status.Bundle = "" }},
		"of an earlier commit":        {past: []string{"push a good"}},
		"failed":                      {past: []string{"push a good", "push b broken"}},
		"failed and rolled back":      {past: []string{"push a good", "push b broken", "auto-rollback a good"}, want: "r2"},
		"rolled back by a person":     {past: []string{"push a good", "push b good", "rollback a good"}, want: "r2"},
		"held":                        {past: []string{"push b held"}},
		"superseded":                  {past: []string{"push b superseded"}},
		"deployed by a person":        {past: []string{"push a good", "deploy b good"}, want: "r2"},
		"another commit was deployed": {past: []string{"push a good", "push b good", "deploy a good"}},
		"restarted":                   {past: []string{"push b good", "restart b good"}, want: "r1"},
		"takes promotions":            {past: []string{"push b good"}, change: func(s *v1alpha1.Stage, _ []v1alpha1.Release) { s.Spec.PromoteFrom = "staging" }},
		"another project file":        {past: []string{"push b good"}, change: func(s *v1alpha1.Stage, _ []v1alpha1.Release) { s.Spec.Wanted.FileID = "other" }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stage, past := stageAt("b"), releasetest.Past(tt.past...)
			if tt.change != nil {
				tt.change(stage, past)
			}
			got := ""
			if r := release.Baseline(stage, release.NewHistory(past)); r != nil {
				got = r.Name
			}
			if got != tt.want {
				t.Errorf("compared with %q, want %q", got, tt.want)
			}
			var slim []v1alpha1.Release
			for i := range past {
				slim = append(slim, *release.SlimRelease(&past[i]))
			}
			if r := release.Baseline(stage, release.NewHistory(slim)); (r == nil) != (tt.want == "") {
				t.Errorf("slim releases give %v", r)
			}
		})
	}
}

// A stage has a head that was compared, until something else is wanted of it.
func TestHasHead(t *testing.T) {
	known := &v1alpha1.UnchangedHead{Commit: releasetest.Commit("c"), FileID: "1", Release: "r2"}
	tests := map[string]struct {
		past  []string
		known *v1alpha1.UnchangedHead
		head  v1alpha1.Head
		want  bool
	}{
		"it":                         {[]string{"push a good", "push b good"}, known, v1alpha1.Head{Commit: releasetest.Commit("c"), FileID: "1"}, true},
		"after another deploy":       {[]string{"push a good", "push b good", "deploy a good"}, known, v1alpha1.Head{Commit: releasetest.Commit("c"), FileID: "1"}, true},
		"although its release fails": {[]string{"push a good", "push b broken"}, known, v1alpha1.Head{Commit: releasetest.Commit("c"), FileID: "1"}, true},
		"another commit":             {[]string{"push a good", "push b good"}, known, v1alpha1.Head{Commit: releasetest.Commit("d"), FileID: "1"}, false},
		"another file":               {[]string{"push a good", "push b good"}, known, v1alpha1.Head{Commit: releasetest.Commit("c"), FileID: "2"}, false},
		"of an earlier release":      {[]string{"push b good", "push a good", "push b good"}, known, v1alpha1.Head{Commit: releasetest.Commit("c"), FileID: "1"}, false},
		"nothing known":              {[]string{"push a good", "push b good"}, nil, v1alpha1.Head{Commit: releasetest.Commit("c"), FileID: "1"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := release.HasHead(stageAt("b"), release.NewHistory(releasetest.Past(tt.past...)), tt.known, tt.head); got != tt.want {
				t.Errorf("the stage has the head: %v, want %v", got, tt.want)
			}
		})
	}
}
