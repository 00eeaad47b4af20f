//go:build e2e && shapes

package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/e2e/stand"
)

// shape is a repository as people have them, and what is seen when it is live.
// The comment of its archive says what it is about, and with "key: value":
//
//	from: KIND            what init converts
//	page: SERVICE: TEXT   what is served
//	path: PATH            where, default /
//	service: NAME         a further service that must be ready
type shape struct {
	files         map[string]string
	from, also    string
	service, text string
	path          string
}

func shapes(t *testing.T) map[string]shape {
	t.Helper()
	archives, err := filepath.Glob("testdata/field/*.txtar")
	if err != nil || len(archives) < 10 {
		t.Fatalf("%d shapes, %v", len(archives), err)
	}
	all := map[string]shape{}
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := shape{files: map[string]string{}, path: "/"}
		for line := range strings.Lines(string(archive.Comment)) {
			switch key, value, _ := strings.Cut(strings.TrimSpace(line), ": "); key {
			case "from":
				s.from = value
			case "path":
				s.path = value
			case "service":
				s.also = value
			case "page":
				s.service, s.text, _ = strings.Cut(value, ": ")
			}
		}
		for _, file := range archive.Files {
			s.files[file.Name] = string(file.Data)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".txtar")] = s
	}
	return all
}

// TestFieldGoesLive takes repositories of people who know nothing of Slipway:
// init, validate, push, and the page is there.
func TestFieldGoesLive(t *testing.T) {
	if err := shared.Seed(t.Context(), "nginx", "mariadb", "node", "python", "postgres"); err != nil {
		t.Fatal(err)
	}
	for name, s := range shapes(t) {
		t.Run(name, func(t *testing.T) { s.goesLive(t, "field-"+name) })
	}
}

func (s shape) goesLive(t *testing.T, name string) {
	t.Helper()
	tm, dir := newTeam(t, name), t.TempDir()
	for file, text := range s.files {
		at := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(at), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	initialise := []string{"init", dir, "--owner", "alice", "--branch", "main", "--project", name}
	if s.from != "" {
		initialise = append(initialise, "--from", s.from)
	}
	for _, args := range [][]string{initialise, {"validate", dir}} {
		if out, err := tm.CLI(t.Context(), args...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	commit := tm.push(t, "alice", "main", tree(t, dir), "Start")
	tm.await(t, "production", commit, v1alpha1.PhaseSucceeded)
	if s.also != "" {
		s.ready(t, tm)
	}
	s.see(t, tm)
	tm.end(t, "production")
}

// ready waits for the pods of a further service.
func (s shape) ready(t *testing.T, tm *team) {
	t.Helper()
	err := stand.Poll(t.Context(), time.Minute, func(ctx context.Context) (bool, error) {
		out, err := tm.Kubectl(ctx, "-n", tm.stage("production"), "get", "pods", "-o", `jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`)
		if err != nil {
			return false, err
		}
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, s.also+"-") && strings.HasSuffix(strings.TrimSpace(line), "True") {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		tm.explain(t)
		t.Fatalf("no pod of %s is ready: %v", s.also, err)
	}
}

// see waits for the page: at the host of the service, or through the API server
// for what has no Ingress.
func (s shape) see(t *testing.T, tm *team) {
	t.Helper()
	read := func(ctx context.Context) (string, error) {
		status, body, err := tm.Get(ctx, tm.host(s.service, "production"), s.path)
		if err != nil || status != http.StatusOK {
			return "", err
		}
		return body, nil
	}
	if out, err := tm.Kubectl(t.Context(), "-n", tm.stage("production"), "get", "ingress", "-o", "name"); err == nil && strings.TrimSpace(out) == "" {
		read = func(ctx context.Context) (string, error) {
			return tm.Kubectl(ctx, "get", "--raw", "/api/v1/namespaces/"+tm.stage("production")+"/services/"+s.service+":80/proxy"+s.path)
		}
	}
	last := ""
	err := stand.Poll(t.Context(), 2*time.Minute, func(ctx context.Context) (bool, error) {
		body, err := read(ctx)
		if err == nil {
			last = body
		}
		return strings.Contains(last, s.text), nil
	})
	if err != nil {
		tm.explain(t)
		t.Fatalf("page %s of %s: want %q, got %q: %v", s.path, s.service, s.text, last, err)
	}
}
