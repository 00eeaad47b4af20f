package forgetest

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/scm/forgetest/trouble"
)

// Options say how a Forge is made.
type Options struct {
	Dir    string           // where repositories are kept; made when missing; required
	URL    string           // how the forge is reached, without a slash at the end; Serve fills it in
	Token  string           // when set, git and the API want it as password or bearer token
	Clock  func() time.Time // nil: time.Now
	Client *http.Client     // sends webhooks; nil: one with a timeout of 10 s, as GitHub's
}

// Forge is a forge in one process. It is an http.Handler and safe for
// concurrent use. Close ends it.
type Forge struct {
	dir    string
	token  string
	clock  func() time.Time
	client *http.Client
	core   string // directory of git's own programs
	api    *http.ServeMux
	mail   *mail
	trouble.Faults

	mu       sync.Mutex
	url      string
	nextID   int64
	repos    map[string]*repository // by owner/name
	members  map[string]bool        // "organization/team login"
	requests []Request
}

// New makes a forge without repositories.
func New(o Options) (*Forge, error) {
	if o.Dir == "" {
		return nil, errors.New("make forge: no directory given")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("make forge: %w", err)
	}
	core, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("find git's http-backend (install git): %w", err)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}}
	}
	f := &Forge{
		dir: dir, token: o.Token, clock: o.Clock, client: o.Client, url: strings.TrimSuffix(o.URL, "/"),
		core: strings.TrimSpace(string(core)), repos: make(map[string]*repository), members: make(map[string]bool),
	}
	f.api = f.routes()
	f.mail = newMail(f)
	return f, nil
}

// Close waits for the webhook that is being sent, drops those that wait, and
// closes idle connections.
func (f *Forge) Close() {
	f.mail.close()
	f.client.CloseIdleConnections()
}

// Serve answers on the listener until ctx ends, then closes it.
func (f *Forge) Serve(ctx context.Context, listener net.Listener) error {
	f.mu.Lock()
	if f.url == "" {
		f.url = "http://" + listener.Addr().String()
	}
	f.mu.Unlock()
	server := &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = server.Close()
	})
	err := server.Serve(listener)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve forge: %w", err)
}

// SetURL says how the forge is reached, when that is known only after New.
func (f *Forge) SetURL(url string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.url = strings.TrimSuffix(url, "/")
}

// URL returns how the forge is reached.
func (f *Forge) URL() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.url
}

// APIURL returns the address of the REST API, with a slash at the end as
// go-github wants it.
func (f *Forge) APIURL() string { return f.URL() + "/api/v3/" }

// CloneURL returns the address to clone a repository from.
func (f *Forge) CloneURL(repo string) string { return f.URL() + "/" + repo + ".git" }

// ServeHTTP answers git and API requests.
func (f *Forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/api/v3")
	f.record(r, path)
	if f.Misbehave(w, r, path) {
		return
	}
	if !f.authorized(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
		answerError(w, http.StatusUnauthorized, "Requires authentication")
		return
	}
	if isGit(r.URL.Path) {
		f.serveGit(w, r)
		return
	}
	f.limits(w)
	r2 := r.Clone(r.Context())
	// ServeMux can't tell issues/comments/7 from issues/7/comments.
	r2.URL.Path, r2.URL.RawPath = strings.Replace(path, "/issues/comments/", "/issue-comments/", 1), ""
	f.api.ServeHTTP(w, r2)
}

// id gives the next id of anything; f.mu is held.
func (f *Forge) id() int64 {
	f.nextID++
	return f.nextID
}

// repository finds one by owner/name; a suffix .git is ignored.
func (f *Forge) repository(name string) (*repository, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.repos[strings.TrimSuffix(name, ".git")]
	if !ok {
		return nil, fmt.Errorf("no repository %q in the forge", name)
	}
	return r, nil
}

// authorized compares the token when one is set.
func (f *Forge) authorized(r *http.Request) bool {
	if f.token == "" {
		return true
	}
	given := r.Header.Get("Authorization")
	if _, password, ok := r.BasicAuth(); ok {
		given = password
	} else if scheme, token, ok := strings.Cut(given, " "); ok && (strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "token")) {
		given = token
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(f.token)) == 1
}

// recordedBytes is how much of a request's body is kept, git's excepted.
const recordedBytes = 1 << 20

// Request is what somebody asked of the forge.
type Request struct {
	Method string
	Path   string // without /api/v3
	Query  string
	Header http.Header
	Body   []byte // empty for git requests
	At     time.Time
}

// Requests returns everything asked so far, oldest first.
func (f *Forge) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Request(nil), f.requests...)
}

// ForgetRequests empties the record.
func (f *Forge) ForgetRequests() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = nil
}

func (f *Forge) record(r *http.Request, path string) {
	entry := Request{Method: r.Method, Path: path, Query: r.URL.RawQuery, Header: r.Header.Clone(), At: f.clock()}
	if !isGit(r.URL.Path) && r.Body != nil {
		entry.Body, _ = io.ReadAll(io.LimitReader(r.Body, recordedBytes)) // a body that breaks off is short for the handler too
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(entry.Body), r.Body))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, entry)
}
