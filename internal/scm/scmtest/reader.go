package scmtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Reading is a forge with the same checks, pull requests and groups in its own JSON.
type Reading struct {
	Create func(scm.Access) (scm.Reporter, error)
	// Checks scripts the checks of the commit Two of Path: ci/test passed,
	// ci/lint failed, ci/slow runs, ci/lost couldn't run. Where the forge lists
	// more than the newest, ci/test failed before.
	Checks func(*API)
	// More are the checks that the forge reports in addition.
	More map[string]scm.State
	// Requests scripts the open pull requests of Path: 7 of alice from branch
	// feature/cart, at Two; 8 of bob, a draft from main of bob/shop; 9 from a
	// repository that is gone. All go into main.
	Requests func(*API)
	// Forget removes from the expected requests what the forge doesn't report.
	Forget func(*scm.PullRequest)
	// Groups scripts that alice belongs to Member but not to Other, and that
	// nobody knows Unknown.
	Groups                 func(*API)
	Member, Other, Unknown string
}

// ConformReader checks what every Reader promises.
func ConformReader(t *testing.T, r Reading) {
	t.Run("checks", r.checks)
	t.Run("pull requests", r.requests)
	t.Run("groups", r.groups)
	t.Run("groups of hostile names", r.hostile)
	t.Run("groups refused", r.refused)
}

func (r Reading) reader(t *testing.T, api *API) scm.Reader {
	t.Helper()
	reporter, err := r.Create(api.Access())
	if err != nil {
		t.Fatal(err)
	}
	return reporter.(scm.Reader)
}

func (r Reading) checks(t *testing.T) {
	api := NewAPI(t)
	r.Checks(api)
	got, err := r.reader(t, api).Checks(t.Context(), Path, Two)
	if err != nil {
		t.Fatalf("%v, after %v", err, api.Calls())
	}
	want := map[string]scm.State{"ci/test": scm.StateSuccess, "ci/lint": scm.StateFailure, "ci/slow": scm.StatePending, "ci/lost": scm.StateError}
	for name, state := range r.More {
		want[name] = state
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if writes := api.Writes(); len(writes) != 0 {
		t.Errorf("reading wrote: %v", writes)
	}
	if _, err := r.reader(t, api).Checks(t.Context(), Path, "main"); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a branch in place of a commit gave %v", err)
	}
}

func (r Reading) requests(t *testing.T) {
	api := NewAPI(t)
	r.Requests(api)
	got, err := r.reader(t, api).PullRequests(t.Context(), Path)
	if err != nil {
		t.Fatalf("%v, after %v", err, api.Calls())
	}
	path, fork := Path, "bob/shop"
	base := scm.Side{Repository: &path, Ref: "refs/heads/main", Commit: One}
	want := []scm.PullRequest{
		{Number: 7, Author: "alice", Head: scm.Side{Repository: &path, Ref: "refs/heads/feature/cart", Commit: Two}, Base: base, Labels: []string{"preview"}},
		{Number: 8, Author: "bob", Head: scm.Side{Repository: &fork, Ref: "refs/heads/main", Commit: One}, Base: base, Fork: true, Draft: true},
		{Number: 9, Author: "carol", Head: scm.Side{Ref: "refs/heads/gone", Commit: Two}, Base: base, Fork: true},
	}
	for i := range want {
		if r.Forget != nil {
			r.Forget(&want[i])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func (r Reading) groups(t *testing.T) {
	api := NewAPI(t)
	r.Groups(api)
	got, err := r.reader(t, api).Groups(t.Context(), "alice", []string{r.Other, r.Member, r.Unknown})
	if err != nil {
		t.Fatalf("%v, after %v", err, api.Calls())
	}
	if diff := cmp.Diff([]string{r.Member}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := r.reader(t, api).Groups(t.Context(), "mallory", []string{r.Member}); err != nil || len(got) != 0 {
		t.Errorf("a user outside of the groups is in %v, %v", got, err)
	}
}

// hostile checks that no name leads a call anywhere else: none is made.
func (r Reading) hostile(t *testing.T) {
	api := NewAPI(t)
	reader := r.reader(t, api)
	for _, login := range []string{"", "..", "../../user", "a/b", "a?b", "a#b", "a b", "a\nb"} {
		if got, err := reader.Groups(t.Context(), login, []string{r.Member}); err != nil || len(got) != 0 {
			t.Errorf("login %q is in %v, %v", login, got, err)
		}
	}
	for _, group := range []string{"", "..", "acme/..", "/", "acme/", "acme//x", "acme/x?y", "acme/#"} {
		if got, err := reader.Groups(t.Context(), "alice", []string{group}); err != nil || len(got) != 0 {
			t.Errorf("group %q has alice: %v, %v", group, got, err)
		}
	}
	if calls := api.Calls(); len(calls) != 0 {
		t.Errorf("the forge was asked: %v", calls)
	}
}

// refused checks that an unanswered question doesn't count as no.
func (r Reading) refused(t *testing.T) {
	for status, code := range map[int]fault.Code{401: fault.Denied, 403: fault.Denied, 429: fault.Unavailable, 502: fault.Unavailable} {
		api := NewAPI(t).On("*", Answer{Status: status, Body: Object{"message": Token}})
		_, err := r.reader(t, api).Groups(t.Context(), "alice", []string{r.Member})
		coded(t, err, code)
	}
}
