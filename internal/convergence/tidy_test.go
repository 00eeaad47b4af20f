//go:build integration

package convergence

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

// many is more projects than are synced at the same time.
const many = 12

// TestTidyingHoldsNobodyUp pushes to many projects while no delivery can be
// marked, and wants every push live; and the deliveries marked afterwards.
func TestTidyingHoldsNobodyUp(t *testing.T) {
	p := interceptPost()
	defer world.Forge.Intercept(nil)
	h := startServer(t)
	if err := world.Organization(t.Context(), "tidy"); err != nil {
		t.Fatal(err)
	}
	teams := make([]*team, many)
	for i := range teams {
		var err error
		if teams[i], err = join(t.Context(), "tidy", fmt.Sprintf("shop-%d", i), i, p); err != nil {
			t.Fatal(err)
		}
	}
	for _, each := range teams {
		if err := each.converges(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	release := make(chan struct{})
	h.gate.Watch(func(passing servertest.Passing) bool {
		if passing.Code == 0 && passing.Verb == "PATCH" && strings.Contains(passing.Path, "/deliveries/") {
			<-release
		}
		return true
	})
	for i, each := range teams {
		greeting := fmt.Sprintf("push %d", i)
		commit, err := world.Forge.Push(each.Path, "main", map[string]string{"deploy/settings.yaml": settings(greeting)}, greeting, "dev")
		if err != nil {
			t.Fatal(err)
		}
		each.model.set("refs/heads/main", commit)
		each.model.said[commit], each.model.tier[commit] = greeting, "first"
		each.dispatch(t.Context(), Step{Copies: 1})
	}
	for _, each := range teams {
		each.goesLive(t)
	}
	close(release)
	for _, each := range teams {
		if err := errors.Join(each.converges(t.Context()), each.suspend(t.Context())); err != nil {
			t.Errorf("%v\n%s", err, output.about(each.Name))
		}
	}
}

// TestHangingGitHoldsNobodyUp has many projects whose git server never ends its
// answer, and wants a project of another one live soon all the same.
func TestHangingGitHoldsNobodyUp(t *testing.T) {
	const soon = 30 * time.Second // the hanging ones are given up after a minute
	l := newLinks(t)
	p := interceptPost()
	defer world.Forge.Intercept(nil)
	startServer(t)
	if err := world.Organization(t.Context(), "hanging"); err != nil {
		t.Fatal(err)
	}
	if err := l.git.Set(servertest.Mood{After: 1, Cut: func() {}}); err != nil {
		t.Fatal(err)
	}
	teams := make([]*team, 3*many)
	for i := range teams {
		if i == len(teams)-1 {
			time.Sleep(time.Second) // until the others hang
			world.Forge.SetURL(l.straight)
		}
		var err error
		if teams[i], err = join(t.Context(), "hanging", fmt.Sprintf("shop-%d", i), i, p); err != nil {
			t.Fatal(err)
		}
	}
	began, last := time.Now(), teams[len(teams)-1]
	last.goesLive(t)
	if took := time.Since(began); took > soon {
		t.Errorf("it was live after %s, want at most %s\n%s", took, soon, output.about(last.Name))
	}
	for _, each := range teams {
		if err := each.suspend(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// goesLive waits until every stage is what the refs say, whatever the
// deliveries say.
func (t *team) goesLive(test *testing.T) {
	test.Helper()
	var last error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		view, err := t.look(test.Context())
		if err != nil {
			test.Fatal(err)
		}
		if last = view.stagesOf(t); last == nil {
			return
		}
	}
	test.Errorf("%v\n%s", last, output.about(t.Name))
}
