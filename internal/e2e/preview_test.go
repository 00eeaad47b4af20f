//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/e2e/stand"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// previewed is the story's repository with previews.
func previewed() map[string]string {
	files := storyFiles()
	files["slipway.yaml"] = `version: 1
project: previewed
members: [{user: alice, role: owner}]
stages: [{name: staging, branch: main}]
previews: {from: staging, access: public}
services:
  web: {build: {context: web}, port: 8080, routes: [{path: /}], health: {path: /}}
  api: {build: {context: api}, port: 8080, health: {path: /}}
`
	return files
}

// TestPreview follows pull requests from their beginning to their end.
func TestPreview(t *testing.T) {
	tm := newTeam(t, "previewed")
	first := tm.push(t, "alice", "main", previewed(), "First")
	tm.await(t, "staging", first, v1alpha1.PhaseSucceeded)

	tm.push(t, "alice", "words", map[string]string{"README.md": "better\n"}, "Better words")
	words := tm.openPull(t, "words")
	status := tm.status(t, "slipway/preview", head(t, tm, "words"), "success")
	if !strings.Contains(status.Description, "nothing to preview") {
		t.Errorf("a pull request that changes no service is told %q", status.Description)
	}
	if body := tm.comment(t, words); body != "" {
		t.Errorf("it has the comment %q", body)
	}

	before := tm.jobs(t)
	commit := tm.push(t, "alice", "login", map[string]string{"web/index.html": "with a login\n"}, "Login")
	number := tm.openPull(t, "login")
	stage := fmt.Sprintf("pr-%d", number)
	release := tm.await(t, stage, commit, v1alpha1.PhaseSucceeded)
	if made := added(before, tm.jobs(t)); len(made) != 1 || release.Status.Built != 1 || release.Status.Reused != 1 {
		t.Errorf("the preview built %d (%v) and reused %d; want 1 and 1", release.Status.Built, made, release.Status.Reused)
	}
	tm.page(t, "web", stage, "with a login")
	tm.page(t, "web", "staging", "web one")
	tm.commented(t, number, tm.host("web", stage), "live")

	before = tm.jobs(t)
	merged, err := tm.forge.MergePull(tm.repo, number, "alice")
	if err != nil {
		t.Fatal(err)
	}
	ended := time.Now()
	release = tm.await(t, "staging", merged, v1alpha1.PhaseSucceeded)
	tm.page(t, "web", "staging", "with a login")
	if made := added(before, tm.jobs(t)); len(made) != 0 || release.Status.Reused != 2 {
		t.Errorf("the merge built %v and reused %d; want none and 2", made, release.Status.Reused)
	}
	tm.gone(t, "-n", tm.namespace(), "stage", naming.StageObject(tm.name, stage))
	tm.gone(t, "namespace", tm.stage(stage))
	if took := time.Since(ended); took > time.Minute {
		t.Errorf("the preview was gone %s after the merge", took)
	}
	tm.end(t, "staging")
}

// openPull opens a pull request of a branch into main.
func (tm *team) openPull(t *testing.T, branch string) int {
	t.Helper()
	number, err := tm.forge.OpenPull(tm.repo, forgetest.PullRequest{Title: branch, Head: branch, Login: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// head returns the commit of a branch.
func head(t *testing.T, tm *team, branch string) string {
	t.Helper()
	commit, err := tm.forge.Head(tm.repo, "refs/heads/"+branch)
	if err != nil {
		t.Fatal(err)
	}
	return commit
}

// comment returns the only comment of a pull request, empty for none.
func (tm *team) comment(t *testing.T, number int) string {
	t.Helper()
	comments, err := tm.forge.Comments(tm.repo, number)
	if err != nil || len(comments) > 1 {
		t.Fatalf("%d comments: %v", len(comments), err)
	}
	if len(comments) == 0 {
		return ""
	}
	return comments[0].Body
}

// commented waits until the comment of a pull request holds all texts.
func (tm *team) commented(t *testing.T, number int, texts ...string) {
	t.Helper()
	var body string
	err := stand.Poll(t.Context(), 30*time.Second, func(context.Context) (bool, error) {
		body = tm.comment(t, number)
		for _, text := range texts {
			if !strings.Contains(body, text) {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		t.Fatalf("the comment lacks some of %q: %v\n%s", texts, err, body)
	}
}
