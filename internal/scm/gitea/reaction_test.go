package gitea_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitea"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var (
	_ scm.Reactor   = (*gitea.Reporter)(nil)
	_ scm.Publisher = (*gitea.Reporter)(nil)
)

func TestReact(t *testing.T) {
	api := scmtest.NewAPI(t).On("POST "+repository+"/issues/comments/55/reactions", scmtest.Made(scmtest.Object{"content": "+1"}), scmtest.OK(scmtest.Object{"content": "+1"}))
	r := reporter(t, api)
	for reaction, want := range map[scm.Reaction]string{scm.ReactionDone: "+1", scm.ReactionRefused: "confused"} {
		if err := r.React(t.Context(), "acme/shop", 7, "55", reaction); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(scmtest.Object{"content": want}, api.Last(t, "POST").Body); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if err := r.React(t.Context(), "acme/shop", 7, "x", scm.ReactionDone); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("no id: %v", err)
	}
	if ref := r.PullRef(7); ref != "refs/pull/7/head" {
		t.Errorf("published as %s", ref)
	}
}
