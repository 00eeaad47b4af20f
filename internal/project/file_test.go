package project_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/project"
)

func TestSealedFor(t *testing.T) {
	file := &project.File{Sealed: project.Sealed{"stripe": {"KEY": "a", "HOOK": "b"}}}
	rule := project.Stage{Sealed: project.Sealed{"stripe": {"KEY": "c"}, "mail": {"PASSWORD": "d"}}}
	want := project.Sealed{"stripe": {"KEY": "c", "HOOK": "b"}, "mail": {"PASSWORD": "d"}}
	if diff := cmp.Diff(want, file.SealedFor(rule)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if file.Sealed["stripe"]["KEY"] != "a" {
		t.Error("the file was changed")
	}
}
