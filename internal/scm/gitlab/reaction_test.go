package gitlab_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitlab"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var (
	_ scm.Reactor   = (*gitlab.Reporter)(nil)
	_ scm.Publisher = (*gitlab.Reporter)(nil)
)

func TestReact(t *testing.T) {
	const route = "POST " + repository + "/merge_requests/7/notes/55/award_emoji"
	api := scmtest.NewAPI(t).On(route, scmtest.Made(scmtest.Object{"id": 1}))
	r := reporter(t, api)
	for reaction, want := range map[scm.Reaction]string{scm.ReactionDone: "thumbsup", scm.ReactionRefused: "confused"} {
		if err := r.React(t.Context(), "acme/web/shop", 7, "55", reaction); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(scmtest.Object{"name": want}, api.Last(t, "POST").Body); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	api.On(route, scmtest.Answer{Status: 404, Body: scmtest.Object{"message": "404 Award Emoji Name has already been taken Not Found"}})
	if err := r.React(t.Context(), "acme/web/shop", 7, "55", scm.ReactionDone); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	api.On(route, scmtest.Answer{Status: 403, Body: scmtest.Object{}})
	if err := r.React(t.Context(), "acme/web/shop", 7, "55", scm.ReactionDone); fault.CodeOf(err) != fault.Denied {
		t.Errorf("refused: %v", err)
	}
	if ref := r.PullRef(7); ref != "refs/merge-requests/7/head" {
		t.Errorf("published as %s", ref)
	}
}
