package github_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/github"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var (
	_ scm.Reactor   = (*github.Reporter)(nil)
	_ scm.Publisher = (*github.Reporter)(nil)
)

func TestReact(t *testing.T) {
	api := scmtest.NewAPI(t).On("POST /repos/acme/shop/issues/comments/55/reactions", made(object("id", 1, "content", "+1")), ok(object("id", 1)))
	r := reporter(t, api)
	for reaction, want := range map[scm.Reaction]string{scm.ReactionDone: "+1", scm.ReactionRefused: "confused"} {
		if err := r.React(t.Context(), "acme/shop", 7, "55", reaction); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(object("content", want), api.Last(t, "POST").Body); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for _, id := range []string{"", "0", "-1", "../1", "x"} {
		if err := r.React(t.Context(), "acme/shop", 7, id, scm.ReactionDone); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %v", id, err)
		}
	}
	if ref := r.PullRef(7); ref != "refs/pull/7/head" {
		t.Errorf("published as %s", ref)
	}
}
