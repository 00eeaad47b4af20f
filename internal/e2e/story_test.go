//go:build e2e

package e2e

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/e2e/stand"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

const storyFile = `version: 1
project: story
members:
  - {user: alice, role: owner}
stages:
  - {name: production, branch: main, onDelete: delete}
  - {name: staging, branch: develop, onDelete: delete}
services:
  web:
    build: {context: web}
    port: 8080
    routes: [{path: /}]
    health: {path: /}
  api:
    build: {context: api}
    port: 8080
    health: {path: /}
`

const storyDockerfile = `FROM busybox:1.36
COPY index.html /www/index.html
RUN echo built > /www/built.txt
CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
`

func storyFiles() map[string]string {
	return map[string]string{
		"slipway.yaml":   storyFile,
		"README.md":      "story\n",
		"web/Dockerfile": storyDockerfile,
		"web/index.html": "web one\n",
		"api/Dockerfile": storyDockerfile,
		"api/index.html": "api one\n",
	}
}

// TestStory is one project's life, push by push.
func TestStory(t *testing.T) {
	tm := newTeam(t, "story")

	first := tm.push(t, "alice", "main", storyFiles(), "First")
	release := tm.await(t, "production", first, v1alpha1.PhaseSucceeded)
	if release.Status.Built != 2 {
		t.Errorf("first push: built %d images, want 2: %+v", release.Status.Built, release.Status.Services)
	}
	tm.page(t, "web", "production", "web one")
	tm.status(t, "production", first, "success")

	t.Run("a change of one service builds one image", func(t *testing.T) {
		before := tm.jobs(t)
		second := tm.push(t, "alice", "main", map[string]string{"web/index.html": "web two\n"}, "Change web")
		release := tm.await(t, "production", second, v1alpha1.PhaseSucceeded)
		tm.page(t, "web", "production", "web two")
		if added := added(before, tm.jobs(t)); len(added) != 1 {
			t.Errorf("build Jobs added: %v, want one", added)
		}
		if release.Status.Built != 1 || release.Status.Reused != 1 {
			t.Errorf("built %d, reused %d; want 1 and 1", release.Status.Built, release.Status.Reused)
		}
	})

	t.Run("a change of the README releases nothing", func(t *testing.T) { readme(t, tm) })

	t.Run("the same commit on another branch reuses all images", func(t *testing.T) {
		before := tm.jobs(t)
		head, err := tm.forge.Head(tm.repo, "refs/heads/main")
		if err != nil {
			t.Fatal(err)
		}
		if err := tm.forge.SetRef(tm.repo, "refs/heads/develop", head, "alice"); err != nil {
			t.Fatal(err)
		}
		release := tm.await(t, "staging", head, v1alpha1.PhaseSucceeded)
		if added := added(before, tm.jobs(t)); len(added) != 0 || release.Status.Reused != 2 {
			t.Errorf("build Jobs added: %v, reused %d; want none and 2", added, release.Status.Reused)
		}
		tm.page(t, "web", "staging", "web two")
	})

	t.Run("a failing Dockerfile fails the release with its line", func(t *testing.T) {
		broken := strings.Replace(storyDockerfile, "RUN echo built > /www/built.txt", "RUN cat /no/such/file", 1)
		commit := tm.push(t, "alice", "main", map[string]string{"web/Dockerfile": broken}, "Break the build")
		tm.await(t, "production", commit, v1alpha1.PhaseFailed)
		status := tm.status(t, "production", commit, "failure")
		if !strings.Contains(status.Description, "RUN cat /no/such/file") && !strings.Contains(status.Description, "Dockerfile:3") {
			t.Errorf("the status does not name the failing line: %q", status.Description)
		}
		tm.page(t, "web", "production", "web two")
		tm.push(t, "alice", "main", map[string]string{"web/Dockerfile": storyDockerfile}, "Mend the build")
	})

	t.Run("a crash loop is reported with its last words", func(t *testing.T) { crashLoop(t, tm) })
	t.Run("a removed service goes, a foreign object stays", func(t *testing.T) { removedService(t, tm) })
	t.Run("a deleted branch takes its stage along", func(t *testing.T) {
		if err := tm.forge.SetRef(tm.repo, "refs/heads/develop", "", "alice"); err != nil {
			t.Fatal(err)
		}
		tm.gone(t, "-n", tm.namespace(), "stage", naming.StageObject(tm.name, "staging"))
		tm.gone(t, "namespace", tm.stage("staging"))
	})
}

// crashLoop pushes a service that dies and looks for its last words.
func crashLoop(t *testing.T, tm *team) {
	crashing := strings.Replace(storyDockerfile, `CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]`,
		`CMD ["sh", "-c", "echo the flux capacitor is missing; exit 3"]`, 1)
	commit := tm.push(t, "alice", "main", map[string]string{"api/Dockerfile": crashing}, "Crash")
	const words = "the flux capacitor is missing"
	told := tm.told(t, commit, words)
	if took := told.Sub(tm.crashed(t, "api")); took > 10*time.Second {
		t.Errorf("the crash was reported after %s, more than 10 s", took)
	}
	release := tm.await(t, "production", commit, v1alpha1.PhaseFailed)
	if !strings.Contains(release.Status.Message, words) {
		t.Errorf("the failed release does not hold the last words: %q", release.Status.Message)
	}
	tm.status(t, "production", commit, "failure")
	mended := tm.push(t, "alice", "main", map[string]string{"api/Dockerfile": storyDockerfile}, "Mend")
	tm.await(t, "production", mended, v1alpha1.PhaseSucceeded)
}

// told waits until the commit's release in production says something, and
// returns when it did.
func (tm *team) told(t *testing.T, commit, words string) time.Time {
	t.Helper()
	err := stand.Poll(t.Context(), 2*time.Minute, func(ctx context.Context) (bool, error) {
		found, err := tm.releases(ctx, "production", commit)
		return len(found) > 0 && strings.Contains(found[0].Status.Message, words), err
	})
	if err != nil {
		tm.explain(t)
		t.Fatalf("commit %.8s: wait for %q: %v", commit, words, err)
	}
	return time.Now()
}

// crashed returns when the service's newest pod first ran, which is when it
// crashed: it lives for no time at all.
func (tm *team) crashed(t *testing.T, service string) time.Time {
	t.Helper()
	out, err := tm.Kubectl(t.Context(), "-n", tm.stage("production"), "get", "events", "-o",
		`jsonpath={range .items[?(@.reason=="Started")]}{.involvedObject.name} {.firstTimestamp}{"\n"}{end}`)
	if err != nil {
		t.Fatal(err)
	}
	var newest time.Time
	for line := range strings.Lines(out) {
		name, at, _ := strings.Cut(strings.TrimSpace(line), " ")
		started, err := time.Parse(time.RFC3339, at)
		if err == nil && strings.HasPrefix(name, service+"-") && started.After(newest) {
			newest = started
		}
	}
	if newest.IsZero() {
		t.Fatalf("no pod of %s ever started:\n%s", service, out)
	}
	return newest
}

// removedService takes a service out of the file.
func removedService(t *testing.T, tm *team) {
	ns := tm.stage("production")
	foreign := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: foreign, namespace: " + ns + "}\ndata: {a: b}\n"
	if err := tm.Apply(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	without := storyFile[:strings.Index(storyFile, "  api:\n")]
	commit := tm.push(t, "alice", "main", map[string]string{"slipway.yaml": without}, "Drop api")
	tm.await(t, "production", commit, v1alpha1.PhaseSucceeded)
	tm.gone(t, "-n", ns, "deployment,service,serviceaccount", "-l", naming.LabelService+"=api")
	if _, err := tm.Kubectl(t.Context(), "-n", ns, "get", "configmap", "foreign"); err != nil {
		t.Errorf("the foreign object is gone: %v", err)
	}
}

func added(before, after map[string]bool) []string {
	var names []string
	for name := range after {
		if !before[name] {
			names = append(names, name)
		}
	}
	return names
}

// readme pushes a change that no stage is made from: the stage has the commit
// without a release, and the forge hears so.
func readme(t *testing.T, tm *team) {
	before := tm.jobs(t)
	commit := tm.push(t, "alice", "main", map[string]string{"README.md": "story, told\n"}, "Tell")
	err := stand.Poll(t.Context(), 2*time.Minute, func(context.Context) (bool, error) {
		all, err := tm.forge.Statuses(tm.repo, commit)
		return slices.ContainsFunc(all, func(s forgetest.Status) bool {
			return s.Context == "slipway" && s.State == "success" && strings.Contains(s.Description, "unchanged")
		}), err
	})
	if err != nil {
		t.Fatalf("the forge does not hear of %.8s: %v", commit, err)
	}
	releases, err := tm.releases(t.Context(), "production", commit)
	if err != nil {
		t.Fatal(err)
	}
	if added := added(before, tm.jobs(t)); len(added) != 0 || len(releases) != 0 {
		t.Errorf("build Jobs added: %v, releases: %d; want none", added, len(releases))
	}
}

// TestShop runs examples/shop as it is.
func TestShop(t *testing.T) {
	tm := newTeam(t, "shop")
	commit, err := tm.forge.PushTree(tm.repo, "main", os.DirFS("../../examples/shop"), "Open the shop", "alice")
	if err != nil {
		t.Fatal(err)
	}
	tm.await(t, "production", commit, v1alpha1.PhaseSucceeded)
	tm.page(t, "web", "production", "shop: stage production")
	if err := tm.forge.SetRef(tm.repo, "refs/heads/develop", commit, "bob"); err != nil {
		t.Fatal(err)
	}
	tm.await(t, "staging", commit, v1alpha1.PhaseSucceeded)
	tm.page(t, "web", "staging", "shop: stage staging")

	held := tm.push(t, "bob", "main", map[string]string{"web/note.txt": "mine\n"}, "Bob wants production")
	release := tm.await(t, "production", held, v1alpha1.PhaseHeld)
	if !strings.Contains(release.Status.Message, "bob has the role developer") {
		t.Errorf("held for the wrong reason: %q", release.Status.Message)
	}
}
