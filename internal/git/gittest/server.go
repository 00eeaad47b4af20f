package gittest

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

// Server is git's own http-backend in this process, with one bare repository
// per name, and a log of what was asked.
type Server struct {
	t    *testing.T
	Dir  string // where the repositories are
	HTTP *httptest.Server

	mu       sync.Mutex
	requests []string
	wrap     func(http.Handler) http.Handler
}

// NewServer starts a server that ends with the test.
func NewServer(t *testing.T) *Server {
	t.Helper()
	s := &Server{t: t, Dir: t.TempDir()}
	core := strings.TrimSpace(Run(t, "", "git", "--exec-path"))
	backend := &cgi.Handler{
		Path: filepath.Join(core, "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + s.Dir, "GIT_HTTP_EXPORT_ALL=1", "HOME=" + s.Dir, "GIT_CONFIG_NOSYSTEM=1"},
	}
	s.HTTP = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	t.Cleanup(s.HTTP.Close)
	return s
}

// Through puts a handler in front of git until the test ends or nil is given.
func (s *Server) Through(wrap func(http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrap = wrap
}

// Requests returns and forgets the requests so far.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

// Remote returns the remote of a repository.
func (s *Server) Remote(name string) git.Remote {
	return git.Remote{URL: s.HTTP.URL + "/" + name, AllowHTTP: true}
}

// Repo is a bare repository on the server and commands to change it.
type Repo struct {
	t   *testing.T
	Dir string
	n   int
}

// Repo makes an empty bare repository.
func (s *Server) Repo(name string) *Repo {
	s.t.Helper()
	dir := filepath.Join(s.Dir, name)
	Run(s.t, "", "git", "init", "-q", "--bare", "-b", "main", dir)
	return &Repo{t: s.t, Dir: dir}
}

// Git runs a git command in the repository and returns its trimmed output.
func (r *Repo) Git(args ...string) string {
	r.t.Helper()
	return strings.TrimSpace(Run(r.t, r.Dir, "git", args...))
}

// Show returns a file of a commit.
func (r *Repo) Show(commit, name string) string {
	r.t.Helper()
	return Run(r.t, r.Dir, "git", "show", commit+":"+name)
}

// Commit puts files on top of a branch and returns the commit. A nil content
// deletes; "link:" makes a symbolic link; "exec:" an executable file.
func (r *Repo) Commit(branch string, files map[string]string) string {
	r.t.Helper()
	parent := ""
	if out, err := exec.Command("git", "-C", r.Dir, "rev-parse", "-q", "--verify", "refs/heads/"+branch).Output(); err == nil {
		parent = strings.TrimSpace(string(out))
	}
	return r.CommitOn(branch, parent, files)
}

// CommitOn is Commit on top of any parent, or none; the branch is forced.
func (r *Repo) CommitOn(branch, parent string, files map[string]string) string {
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
	cmd := exec.Command("git", "-C", r.Dir, "fast-import", "--quiet", "--force")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("fast-import: %v\n%s", err, out)
	}
	return r.Git("rev-parse", "refs/heads/"+branch)
}

// Run runs a command with a fixed author and returns its output.
func Run(t testing.TB, dir, name string, args ...string) string {
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

// Pipe runs a command with input.
func Pipe(t testing.TB, dir, input, name string, args ...string) string {
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

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
