package projectfile

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// FuzzParse looks for panics, incomplete problems, and documents that give
// different values when read twice.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"all.yaml", "overrides.yaml", "five.yaml"} {
		f.Add(testdata(f, name))
	}
	for _, changes := range refused() {
		f.Add(fileWith(changes))
	}
	for _, h := range hostile() {
		if len(h.text) < 4096 {
			f.Add([]byte(h.text))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = ParseSecondary("slipway.yaml", data)
		doc, err := Parse("slipway.yaml", data)
		if err != nil {
			problems, ok := errors.AsType[Problems](err)
			if !ok || len(problems) == 0 || len(problems) > syntax.MaxProblems {
				t.Fatalf("%d problems: %v", len(problems), err)
			}
			for _, p := range problems {
				if p.Line < 1 || p.Column < 1 || p.Path == "" || p.What == "" || p.Remedy == "" {
					t.Fatalf("incomplete problem %#v", p)
				}
			}
			return
		}
		for _, stage := range doc.File.Stages {
			if len(doc.Effective(stage.Name)) != len(doc.File.Services) || len(doc.ExplainStage(stage.Name)) == 0 {
				t.Fatalf("stage %s lost services or values", stage.Name)
			}
			doc.Explain(stage.Name)
		}
		again, err := Parse("slipway.yaml", data)
		if err != nil || !cmp.Equal(doc.File, again.File) {
			t.Fatalf("the second reading differs: %v", err)
		}
	})
}
