package project

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAdapt(t *testing.T) {
	stage := func() map[string]Service {
		return map[string]Service{
			"web":    {Image: "web:1", Scale: &Scale{Min: 3, Max: 9, CPU: 80}, Resources: Resources{CPU: "2", Memory: "4Gi"}, Env: map[string]string{"A": "stage", "B": "stage"}},
			"worker": {Image: "worker:1"},
			"db":     {Template: "postgres", With: Parameters{"size": "100Gi", "version": "16"}},
		}
	}
	one := int32(1)
	tests := map[string]struct {
		previews *Previews
		change   func(map[string]Service)
	}{
		"no previews":     {},
		"nothing differs": {previews: &Previews{From: "staging"}},
		"replicas": {previews: &Previews{Services: map[string]PreviewService{"web": {Replicas: &one}}}, change: func(s map[string]Service) {
			web := s["web"]
			web.Scale = &Scale{Min: 1}
			s["web"] = web
		}},
		"memory": {previews: &Previews{Services: map[string]PreviewService{"web": {Resources: Resources{Memory: "1Gi"}}}}, change: func(s map[string]Service) {
			web := s["web"]
			web.Resources.Memory = "1Gi"
			s["web"] = web
		}},
		"environment": {previews: &Previews{Services: map[string]PreviewService{"web": {Env: map[string]string{"A": "preview", "C": "preview"}}, "worker": {Env: map[string]string{"A": "b"}}}}, change: func(s map[string]Service) {
			web, worker := s["web"], s["worker"]
			web.Env, worker.Env = map[string]string{"A": "preview", "B": "stage", "C": "preview"}, map[string]string{"A": "b"}
			s["web"], s["worker"] = web, worker
		}},
		"one is left out": {previews: &Previews{Services: map[string]PreviewService{"worker": {Omit: true}, "gone": {Omit: true}}}, change: func(s map[string]Service) { delete(s, "worker") }},
		"a template": {previews: &Previews{Templates: map[string]Parameters{"postgres": {"size": "1Gi"}, "redis": {"size": "2Gi"}}}, change: func(s map[string]Service) {
			db := s["db"]
			db.With = Parameters{"size": "1Gi", "version": "16"}
			s["db"] = db
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			given, want := stage(), stage()
			if tt.change != nil {
				tt.change(want)
			}
			if diff := cmp.Diff(want, tt.previews.Adapt(given)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(stage(), given); diff != "" {
				t.Errorf("the stage's changed (-want +got):\n%s", diff)
			}
		})
	}
}

// A preview's rule has the sealed values of previews, and none of the stage's or the
// file's.
func TestSealedValuesOfPreviews(t *testing.T) {
	sealed := func(value string) Sealed { return Sealed{"db": {"password": value}} }
	f := &File{Sealed: sealed("all"), Stages: []Stage{{Name: "staging", Sealed: sealed("stage"), Protected: true}}, Previews: &Previews{From: "staging", Secrets: sealed("previews")}}
	for preview, want := range map[bool]string{true: "previews", false: "stage"} {
		if rule, found := f.Rule("staging", preview); !found || rule.Sealed["db"]["password"] != want {
			t.Errorf("of a preview: %t, the rule is %+v", preview, rule)
		}
	}
	f.Previews.Secrets = nil
	if rule, _ := f.Rule("staging", true); len(rule.Sealed) != 0 {
		t.Errorf("without any, the rule of previews is %+v", rule)
	}
}
