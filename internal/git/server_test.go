package git_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/git"
)

// server is git's own http-backend in this process, with one bare repository
// per name, and a log of what was asked.
type server struct {
	t    *testing.T
	dir  string
	http *httptest.Server

	mu       sync.Mutex
	requests []string
	wrap     func(http.Handler) http.Handler
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir()}
	core := strings.TrimSpace(run(t, "", "git", "--exec-path"))
	backend := &cgi.Handler{
		Path: filepath.Join(core, "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + s.dir, "GIT_HTTP_EXPORT_ALL=1", "HOME=" + s.dir, "GIT_CONFIG_NOSYSTEM=1"},
	}
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		wrap := s.wrap
		s.mu.Unlock()
		// The backend wants a length, which a chunked request has not.
		if wrap != nil {
			wrap(backend).ServeHTTP(w, r)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(s.http.Close)
	return s
}

// through puts a handler in front of git until the test ends or nil is given.
func (s *server) through(wrap func(http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrap = wrap
}

// asked returns and forgets the requests so far.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

func (s *server) remote(name string) git.Remote {
	return git.Remote{URL: s.http.URL + "/" + name, AllowHTTP: true}
}

// repo is a bare repository on the server and commands to change it.
type repo struct {
	t   *testing.T
	dir string
	n   int
}

func (s *server) repo(name string) *repo {
	s.t.Helper()
	dir := filepath.Join(s.dir, name)
	run(s.t, "", "git", "init", "-q", "--bare", "-b", "main", dir)
	return &repo{t: s.t, dir: dir}
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	return strings.TrimSpace(run(r.t, r.dir, "git", args...))
}

// commit puts files on top of a branch and returns the commit. A nil content
// deletes; "link:" makes a symbolic link; "exec:" an executable file.
func (r *repo) commit(branch string, files map[string]string) string {
	r.t.Helper()
	parent := ""
	if out, err := exec.Command("git", "-C", r.dir, "rev-parse", "-q", "--verify", "refs/heads/"+branch).Output(); err == nil {
		parent = strings.TrimSpace(string(out))
	}
	return r.commitOn(branch, parent, files)
}

// commitOn is commit on top of any parent, or none; the branch is forced.
func (r *repo) commitOn(branch, parent string, files map[string]string) string {
	r.t.Helper()
	r.n++
	var b bytes.Buffer
	fmt.Fprintf(&b, "commit refs/heads/%s\n", branch)
	message := fmt.Sprintf("Change %d\n\nBody of %d.\n", r.n, r.n)
	fmt.Fprintf(&b, "author Alice <alice@acme.example> %d +0200\ncommitter Bob <bob@acme.example> %d +0000\n", 1_700_000_000+r.n, 1_700_000_100+r.n)
	fmt.Fprintf(&b, "data %d\n%s\n", len(message), message)
	if parent != "" {
		fmt.Fprintf(&b, "from %s\n", parent)
	}
	for name, content := range files {
		mode, text := "100644", content
		if rest, ok := strings.CutPrefix(content, "link:"); ok {
			mode, text = "120000", rest
		}
		if rest, ok := strings.CutPrefix(content, "exec:"); ok {
			mode, text = "100755", rest
		}
		fmt.Fprintf(&b, "M %s inline %q\ndata %d\n%s\n", mode, name, len(text), text)
	}
	b.WriteString("\n")
	cmd := exec.Command("git", "-C", r.dir, "fast-import", "--quiet", "--force")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("fast-import: %v\n%s", err, out)
	}
	return r.git("rev-parse", "refs/heads/"+branch)
}

func run(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Alice", "GIT_AUTHOR_EMAIL=alice@acme.example", "GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@acme.example")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// pipe runs a command with input.
func pipe(t testing.TB, dir, input, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}
