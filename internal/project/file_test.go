package project_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/project"
)

func TestStageHasAllSealedValues(t *testing.T) {
	file := &project.File{
		Sealed: project.Sealed{"stripe": {"KEY": "a", "HOOK": "b"}},
		Stages: []project.Stage{{Name: "production", Sealed: project.Sealed{"stripe": {"KEY": "c"}, "mail": {"PASSWORD": "d"}}}},
	}
	rule, _ := file.Stage("production")
	want := project.Sealed{"stripe": {"KEY": "c", "HOOK": "b"}, "mail": {"PASSWORD": "d"}}
	if diff := cmp.Diff(want, rule.Sealed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if file.Sealed["stripe"]["KEY"] != "a" || len(file.Stages[0].Sealed) != 2 || len(file.Stages[0].Sealed["stripe"]) != 1 {
		t.Error("the file was changed")
	}
}
