package forgetest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	repo   = "acme/shop"
	secret = "hook-secret"
)

// inbox receives webhooks and checks their signatures.
type inbox struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	messages []message
	status   int
}

type message struct {
	Event string
	ID    string
	Body  map[string]any
	Raw   []byte
	Head  http.Header
}

func newInbox(t *testing.T) *inbox {
	in := &inbox{t: t, status: http.StatusAccepted}
	in.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("X-Hub-Signature-256") != forgetest.Sign(raw, []byte(secret)) {
			t.Errorf("webhook %s: %v, or a wrong signature", r.Header.Get("X-GitHub-Event"), err)
		}
		var body map[string]any
		if err := json.Unmarshal(raw, &body); err != nil {
			t.Errorf("webhook body: %v", err)
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.messages = append(in.messages, message{r.Header.Get("X-GitHub-Event"), r.Header.Get("X-GitHub-Delivery"), body, raw, r.Header})
		w.WriteHeader(in.status)
	}))
	t.Cleanup(in.server.Close)
	return in
}

// take waits for everything sent so far and returns it.
func (in *inbox) take(f *forgetest.Forge) []message {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := f.Flush(ctx); err != nil {
		in.t.Fatal(err)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	out := in.messages
	in.messages = nil
	return out
}

// brief says what a message is about, in one line.
func (m message) brief() string {
	words := []string{m.Event}
	for _, key := range []string{"action", "ref", "ref_type"} {
		if s, ok := m.Body[key].(string); ok {
			words = append(words, s)
		}
	}
	for _, key := range []string{"created", "deleted", "forced"} {
		if m.Body[key] == true {
			words = append(words, key)
		}
	}
	return strings.Join(words, " ")
}

func briefs(list []message) []string {
	out := []string{}
	for _, m := range list {
		out = append(out, m.brief())
	}
	return out
}

// newForge serves a forge with one repository of one commit.
func newForge(t *testing.T, o forgetest.Options) *forgetest.Forge {
	t.Helper()
	o.Dir = t.TempDir()
	f, err := forgetest.New(o)
	must(t, err)
	server := httptest.NewServer(f)
	t.Cleanup(func() {
		server.Close()
		f.Close()
	})
	f.SetURL(server.URL)
	must(t, f.CreateRepository(repo))
	_, err = f.PushTree(repo, "main", fstest.MapFS{
		"README.md": {Data: []byte("hello\n"), Mode: 0o644},
		"bin/run":   {Data: []byte("#!/bin/sh\n"), Mode: 0o755},
	}, "Start", "alice")
	must(t, err)
	return f
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ASKPASS=true",
		"GIT_AUTHOR_NAME=alice", "GIT_AUTHOR_EMAIL=alice@users.noreply.localhost", "GIT_COMMITTER_NAME=alice", "GIT_COMMITTER_EMAIL=alice@users.noreply.localhost")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestPushByGit clones and pushes with the git program and expects the events
// that GitHub sends for each.
func TestPushByGit(t *testing.T) {
	f := newForge(t, forgetest.Options{Token: "secret-token"})
	in := newInbox(t)
	_, err := f.SetHook(repo, in.server.URL, secret)
	must(t, err)
	work := filepath.Join(t.TempDir(), "work")
	url := strings.Replace(f.CloneURL(repo), "http://", "http://alice:secret-token@", 1)
	git(t, "", "clone", "-q", url, work)
	if got := git(t, work, "ls-files", "-s", "bin/run"); !strings.HasPrefix(got, "100755 ") {
		t.Errorf("bin/run is %s, want an executable file", got)
	}
	first := git(t, work, "rev-parse", "HEAD")
	if diff := cmp.Diff([]string{"ping"}, briefs(in.take(f))); diff != "" {
		t.Errorf("after the hook was made (-want +got):\n%s", diff)
	}
	write := func(name, text string) {
		must(t, os.WriteFile(filepath.Join(work, name), []byte(text), 0o600))
		git(t, work, "add", "-A")
		git(t, work, "commit", "-q", "-m", "Change "+name)
	}
	steps := []struct {
		name string
		do   func()
		want []string
	}{
		{"two commits", func() { write("a", "1"); write("b ü", "2"); git(t, work, "push", "-q") }, []string{"push refs/heads/main"}},
		{"nothing", func() { git(t, work, "push", "-q") }, []string{}},
		{"a branch and a tag at once", func() {
			git(t, work, "tag", "-a", "-m", "note", "v1")
			git(t, work, "push", "-q", "origin", "HEAD:refs/heads/feature/x", "v1")
		}, []string{"create feature/x branch", "push refs/heads/feature/x created", "create v1 tag", "push refs/tags/v1 created"}},
		{"force push", func() {
			git(t, work, "reset", "-q", "--hard", first)
			write("c", "3")
			git(t, work, "push", "-q", "--force")
		}, []string{"push refs/heads/main forced"}},
		{"deletion", func() { git(t, work, "push", "-q", "origin", ":refs/heads/feature/x") },
			[]string{"delete feature/x branch", "push refs/heads/feature/x deleted"}},
		{"a push larger than git's buffer", func() {
			write("big", strings.Repeat("0123456789abcdef", 1<<17))
			git(t, work, "-c", "core.compression=0", "push", "-q")
		}, []string{"push refs/heads/main"}},
	}
	for _, s := range steps {
		s.do()
		got := in.take(f)
		if diff := cmp.Diff(s.want, briefs(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
		for _, m := range got {
			if sender := m.Body["sender"].(map[string]any)["login"]; sender != "alice" {
				t.Errorf("%s: sender %v", s.name, sender)
			}
		}
		if s.name == "two commits" {
			checkTwoCommits(t, work, first, got[0].Body)
		}
	}
}

func checkTwoCommits(t *testing.T, work, before string, body map[string]any) {
	t.Helper()
	head := git(t, work, "rev-parse", "HEAD")
	commits := body["commits"].([]any)
	if body["before"] != before || body["after"] != head || len(commits) != 2 {
		t.Fatalf("push says %v..%v with %d commits, want %s..%s with 2", body["before"], body["after"], len(commits), before, head)
	}
	newest := body["head_commit"].(map[string]any)
	want := map[string]any{
		"id": head, "message": "Change b ü", "added": []any{"b ü"}, "removed": []any{}, "modified": []any{},
		"author": map[string]any{"name": "alice", "email": "alice@users.noreply.localhost", "username": "alice"},
	}
	for key, value := range want {
		if diff := cmp.Diff(value, newest[key]); diff != "" {
			t.Errorf("head_commit.%s (-want +got):\n%s", key, diff)
		}
	}
	if diff := cmp.Diff(newest, commits[1]); diff != "" {
		t.Errorf("the last commit is not the head commit:\n%s", diff)
	}
}

func TestTokenIsRequired(t *testing.T) {
	f := newForge(t, forgetest.Options{Token: "secret-token"})
	for name, tt := range map[string]struct {
		path, header string
		want         int
	}{
		"git without":  {"/acme/shop.git/info/refs?service=git-upload-pack", "", http.StatusUnauthorized},
		"git wrong":    {"/acme/shop.git/info/refs?service=git-upload-pack", "Bearer wrong", http.StatusUnauthorized},
		"git right":    {"/acme/shop/info/refs?service=git-upload-pack", "Bearer secret-token", http.StatusOK},
		"api without":  {"/api/v3/repos/acme/shop", "", http.StatusUnauthorized},
		"api right":    {"/api/v3/repos/acme/shop", "token secret-token", http.StatusOK},
		"api no repo":  {"/api/v3/repos/acme/none", "token secret-token", http.StatusNotFound},
		"git no repo":  {"/acme/none.git/info/refs?service=git-upload-pack", "Bearer secret-token", http.StatusNotFound},
		"no such call": {"/api/v3/nothing", "Bearer secret-token", http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(http.MethodGet, f.URL()+tt.path, nil)
			must(t, err)
			req.Header.Set("Authorization", tt.header)
			resp, err := http.DefaultClient.Do(req)
			must(t, err)
			_ = resp.Body.Close()
			if resp.StatusCode != tt.want {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.want)
			}
		})
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestPullRequests(t *testing.T) {
	f := newForge(t, forgetest.Options{})
	in := newInbox(t)
	_, err := f.SetHook(repo, in.server.URL, secret, "pull_request")
	must(t, err)
	in.take(f)
	_, err = f.Push(repo, "topic", map[string]string{"x": "1"}, "Topic", "bob")
	must(t, err)
	number, err := f.OpenPull(repo, forgetest.PullRequest{Title: "Topic", Head: "topic", Login: "bob"})
	must(t, err)
	head, err := f.Push(repo, "topic", map[string]string{"x": "2"}, "More", "bob")
	must(t, err)
	if got, err := f.Head(repo, "refs/pull/1/head"); err != nil || got != head {
		t.Errorf("refs/pull/1/head = %s, %v; want %s", got, err, head)
	}
	must(t, f.EditPull(repo, number, "labeled", "preview", "alice"))
	must(t, f.EditPull(repo, number, "converted_to_draft", "", "bob"))
	must(t, f.EditPull(repo, number, "ready_for_review", "", "bob"))
	merge, err := f.MergePull(repo, number, "alice")
	must(t, err)
	if main, err := f.Head(repo, "main"); err != nil || main != merge {
		t.Errorf("main = %s, %v; want the merge %s", main, err, merge)
	}
	fork, err := f.Fork(repo, "mallory")
	must(t, err)
	forkHead, err := f.Push(fork, "evil", map[string]string{"x": "3"}, "Evil", "mallory")
	must(t, err)
	_, err = f.OpenPull(repo, forgetest.PullRequest{Title: "Evil", Head: "mallory:evil", Login: "mallory"})
	must(t, err)
	if got, err := f.Head(repo, "refs/pull/2/head"); err != nil || got != forkHead {
		t.Errorf("refs/pull/2/head = %s, %v; want %s", got, err, forkHead)
	}
	must(t, f.EditPull(repo, 2, "closed", "", "alice"))

	got := in.take(f)
	want := []string{
		"pull_request opened", "pull_request synchronize", "pull_request labeled", "pull_request converted_to_draft",
		"pull_request ready_for_review", "pull_request closed", "pull_request opened", "pull_request closed",
	}
	if diff := cmp.Diff(want, briefs(got)); diff != "" {
		t.Fatalf("events (-want +got):\n%s", diff)
	}
	merged := got[5].Body["pull_request"].(map[string]any)
	if merged["merged"] != true || merged["merge_commit_sha"] != merge || merged["state"] != "closed" {
		t.Errorf("merged pull request: merged=%v merge_commit_sha=%v state=%v", merged["merged"], merged["merge_commit_sha"], merged["state"])
	}
	side := got[6].Body["pull_request"].(map[string]any)["head"].(map[string]any)["repo"].(map[string]any)
	if side["full_name"] != "mallory/shop" || side["fork"] != true {
		t.Errorf("head repository %v, fork %v", side["full_name"], side["fork"])
	}
}

func TestIntercept(t *testing.T) {
	f := newForge(t, forgetest.Options{})
	in := newInbox(t)
	_, err := f.SetHook(repo, in.server.URL, secret, "push")
	must(t, err)
	in.take(f)
	var kept []forgetest.Delivery
	f.Intercept(func(d forgetest.Delivery) []forgetest.Delivery {
		switch {
		case strings.Contains(string(d.Body), "refs/heads/lost"):
			return nil
		case strings.Contains(string(d.Body), "refs/heads/twice"):
			return []forgetest.Delivery{d, d}
		case strings.Contains(string(d.Body), "refs/heads/late"):
			kept = append(kept, d)
			return nil
		}
		return append([]forgetest.Delivery{d}, kept...)
	})
	for _, branch := range []string{"lost", "twice", "late", "plain"} {
		_, err := f.Push(repo, branch, map[string]string{"x": branch}, branch, "alice")
		must(t, err)
	}
	got := in.take(f)
	want := []string{"push refs/heads/twice created", "push refs/heads/twice created", "push refs/heads/plain created", "push refs/heads/late created"}
	if diff := cmp.Diff(want, briefs(got)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	f.Intercept(nil)
	must(t, f.Redeliver(got[2].ID))
	again := in.take(f)
	if len(again) != 1 || again[0].ID != got[2].ID || string(again[0].Raw) != string(got[2].Raw) {
		t.Errorf("redelivery differs from the delivery: %v", briefs(again))
	}
}

func TestDeliveryRecordsTheAnswer(t *testing.T) {
	f := newForge(t, forgetest.Options{})
	in := newInbox(t)
	in.status = http.StatusUnauthorized
	_, err := f.SetHook(repo, in.server.URL, secret)
	must(t, err)
	in.take(f)
	in.server.Close()
	_, err = f.Push(repo, "main", map[string]string{"x": "1"}, "x", "alice")
	must(t, err)
	in.take(f)
	sent := f.Deliveries()
	if len(sent) != 2 || sent[0].Status != http.StatusUnauthorized || sent[1].Status != 0 || sent[1].Err == "" {
		t.Errorf("deliveries: %+v", sent)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	f, err := forgetest.New(forgetest.Options{Dir: t.TempDir()})
	must(t, err)
	defer f.Close()
	listener := httptest.NewUnstartedServer(nil).Listener
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Serve(ctx, listener) }()
	url := "http://" + listener.Addr().String()
	resp, err := http.Get(url + "/api/v3/user")
	must(t, err)
	_ = resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if f.URL() != url {
		t.Errorf("URL = %s, want %s", f.URL(), url)
	}
	cancel()
	must(t, <-done)
}
