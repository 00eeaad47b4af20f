package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// canary is a secret that must not appear anywhere.
const canary = "canary-4f1d9b"

func TestRemoteIsChecked(t *testing.T) {
	local := t.TempDir()
	gittest.Must(t, os.WriteFile(filepath.Join(local, "HEAD"), []byte("ref: refs/heads/main\n"), 0o600))
	for name, tt := range map[string]struct {
		remote git.Remote
		code   fault.Code
	}{
		"empty":                  {git.Remote{}, fault.Denied},
		"bare path":              {git.Remote{URL: local}, fault.Denied},
		"relative path":          {git.Remote{URL: "../shop"}, fault.Denied},
		"file":                   {git.Remote{URL: "file://" + local}, fault.Denied},
		"file, upper case":       {git.Remote{URL: "FILE://" + local}, fault.Denied},
		"git protocol":           {git.Remote{URL: "git://h/acme/shop"}, fault.Denied},
		"ext":                    {git.Remote{URL: "ext::sh -c id"}, fault.Invalid},
		"ext without space":      {git.Remote{URL: "ext::id"}, fault.Denied},
		"option":                 {git.Remote{URL: "--upload-pack=touch/x"}, fault.Denied},
		"http":                   {git.Remote{URL: "http://h/acme/shop"}, fault.Denied},
		"credentials in the URL": {git.Remote{URL: "https://user:" + canary + "@h/acme/shop"}, fault.Invalid},
		"user in the URL":        {git.Remote{URL: "https://" + canary + "@h/acme/shop"}, fault.Invalid},
		"password for ssh":       {git.Remote{URL: "ssh://git:" + canary + "@h/acme/shop"}, fault.Invalid},
		"query":                  {git.Remote{URL: "https://h/acme/shop?token=" + canary}, fault.Invalid},
		"fragment":               {git.Remote{URL: "https://h/acme/shop#x"}, fault.Invalid},
		"no host":                {git.Remote{URL: "https:///acme/shop"}, fault.Invalid},
		"no path":                {git.Remote{URL: "https://h/"}, fault.Invalid},
		"dots":                   {git.Remote{URL: "https://h/acme/../../shop"}, fault.Invalid},
		"newline":                {git.Remote{URL: "https://h/acme\n/shop"}, fault.Invalid},
		"long":                   {git.Remote{URL: "https://h/" + strings.Repeat("a", 4000)}, fault.Invalid},
		"not an URL":             {git.Remote{URL: "https://[::1/acme"}, fault.Invalid},
		"ssh with a quote":       {git.Remote{URL: "ssh://git@h/a'b;id"}, fault.Invalid},
		"ssh with an option":     {git.Remote{URL: "git@h:-oProxyCommand=id"}, fault.Invalid},
		"ssh host with a dash":   {git.Remote{URL: "ssh://-oProxyCommand=id/x"}, fault.Invalid},
		"ssh without a key":      {git.Remote{URL: "git@127.0.0.1:acme/shop.git"}, fault.Invalid},
		"ssh with a broken key": {git.Remote{URL: "ssh://git@127.0.0.1/acme/shop", Credentials: git.Credentials{
			SSHKey: []byte(canary), KnownHosts: []byte("h ssh-ed25519 AAAA")}}, fault.Invalid},
		"all refs":         {git.Remote{URL: "https://h/acme/shop", Refs: []string{"refs/*"}}, fault.Invalid},
		"two stars":        {git.Remote{URL: "https://h/acme/shop", Refs: []string{"refs/heads/*/*"}}, fault.Invalid},
		"refs of a system": {git.Remote{URL: "https://h/acme/shop", Refs: []string{"refs/keep-around/*"}}, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			m, dir := newMirrors(t, git.Limits{})
			_, err := m.Fetch(context.Background(), key, tt.remote)
			if fault.CodeOf(err) != tt.code {
				t.Errorf("Fetch = %v, want code %s", err, tt.code)
			}
			if strings.Contains(fmt.Sprint(err), canary) {
				t.Errorf("the error reveals a secret: %v", err)
			}
			if found, _ := filepath.Glob(filepath.Join(dir, "*")); len(found) > 0 {
				t.Errorf("files are left: %v", found)
			}
		})
	}
}

// TestRemoteFaults puts a broken server in front of git and checks the code of
// the error, that no secret is in it, and that a later fetch works.
func TestRemoteFaults(t *testing.T) {
	status := func(code int, header ...string) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for i := 0; i+1 < len(header); i += 2 {
					w.Header().Set(header[i], header[i+1])
				}
				w.WriteHeader(code)
				_, _ = fmt.Fprint(w, canary, r.Header.Get("Authorization"))
			})
		}
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was asked for %s", r.Host, r.URL.Path)
	}))
	defer elsewhere.Close()
	for name, tt := range map[string]struct {
		wrap func(http.Handler) http.Handler
		code fault.Code
	}{
		"401":                      {status(401), fault.Denied},
		"403":                      {status(403), fault.Denied},
		"403 with a rate limit":    {status(403, "X-RateLimit-Remaining", "0"), fault.Unavailable},
		"404":                      {status(404), fault.NotFound},
		"410":                      {status(410), fault.NotFound},
		"418":                      {status(418), fault.Invalid},
		"429":                      {status(429), fault.Unavailable},
		"500":                      {status(500), fault.Unavailable},
		"503":                      {status(503), fault.Unavailable},
		"a web page":               {status(200, "Content-Type", "text/html"), fault.Invalid},
		"nonsense as git":          {status(200, "Content-Type", "application/x-git-upload-pack-advertisement"), fault.Unavailable},
		"redirect elsewhere":       {status(302, "Location", elsewhere.URL+"/shop/info/refs?service=git-upload-pack"), fault.Denied},
		"redirect to a file":       {status(302, "Location", "file:///etc/passwd"), fault.Denied},
		"redirect to another page": {status(302, "Location", "/login"), fault.Denied},
		"redirect for ever":        {status(302, "Location", "/shop/info/refs?service=git-upload-pack"), fault.Denied},
		"post is redirected":       {onPost(status(307, "Location", elsewhere.URL+"/shop/git-upload-pack")), fault.Denied},
		"reset":                    {abort, fault.Unavailable},
		"reset in the pack":        {cut(200), fault.Unavailable},
		"silence":                  {silent, fault.Unavailable},
		"silence in the pack":      {onPost(silent), fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := gittest.NewServer(t)
			s.Repo("shop").Commit("main", map[string]string{"a": strings.Repeat("1 ", 1000), "b": "x"})
			m, dir := newMirrors(t, git.Limits{StallTime: 300 * time.Millisecond})
			remote := s.Remote("shop")
			remote.Credentials = git.Credentials{Username: "bot", Token: canary}
			s.Through(tt.wrap)
			_, err := m.Fetch(context.Background(), key, remote)
			if fault.CodeOf(err) != tt.code {
				t.Errorf("Fetch = %v, want code %s", err, tt.code)
			}
			if text := fmt.Sprint(err); strings.Contains(text, canary) || strings.Contains(text, "Ym90Om") {
				t.Errorf("the error reveals a secret: %v", err)
			}
			s.Through(nil)
			fetch(t, m, remote)
			if found, _ := filepath.Glob(filepath.Join(dir, "*", "objects", "pack", "tmp_*")); len(found) > 0 {
				t.Errorf("files are left: %v", found)
			}
		})
	}
}

func onPost(wrap func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				git = wrap(git)
			}
			git.ServeHTTP(w, r)
		})
	}
}

func abort(http.Handler) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// silent starts an answer and never goes on.
func silent(http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := "advertisement"
		if r.Method == http.MethodPost {
			kind = "result"
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-"+kind)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
}

// cut ends the answer to a pack request after some bytes.
func cut(bytes int) func(http.Handler) http.Handler {
	return onPost(func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			record := httptest.NewRecorder()
			git.ServeHTTP(record, r)
			w.Header().Set("Content-Type", record.Header().Get("Content-Type"))
			w.Header().Set("Content-Length", fmt.Sprint(record.Body.Len()))
			_, _ = w.Write(record.Body.Bytes()[:bytes])
			panic(http.ErrAbortHandler)
		})
	})
}

func TestRedirectInsideTheHostIsFollowed(t *testing.T) {
	s := gittest.NewServer(t)
	c := s.Repo("new").Commit("main", map[string]string{"a": "1"})
	s.Through(func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/old/") {
				http.Redirect(w, r, strings.Replace(r.URL.String(), "/old/", "/new/", 1), http.StatusMovedPermanently)
				return
			}
			git.ServeHTTP(w, r)
		})
	})
	m, _ := newMirrors(t, git.Limits{})
	if h := fetch(t, m, s.Remote("old")); h.Refs["refs/heads/main"] != c {
		t.Errorf("Heads = %v", h)
	}
	if got := content(t, m, c, "a"); got != "1" {
		t.Errorf("a = %q", got)
	}
}

func TestCredentialsAreSent(t *testing.T) {
	s := gittest.NewServer(t)
	s.Repo("shop").Commit("main", map[string]string{"a": "1"})
	var seen []string
	s.Through(func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name, password, _ := r.BasicAuth()
			seen = append(seen, name+":"+password)
			git.ServeHTTP(w, r)
		})
	})
	m, _ := newMirrors(t, git.Limits{})
	remote := s.Remote("shop")
	remote.Credentials.Token = canary
	fetch(t, m, remote)
	if len(seen) != 2 || seen[0] != "x-access-token:"+canary || seen[1] != seen[0] {
		t.Errorf("credentials seen: %v", seen)
	}
}

func TestContextEndsAFetch(t *testing.T) {
	s := gittest.NewServer(t)
	s.Repo("shop").Commit("main", map[string]string{"a": "1"})
	s.Through(silent)
	m, _ := newMirrors(t, git.Limits{})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := m.Fetch(ctx, key, s.Remote("shop"))
	if fault.CodeOf(err) != fault.Unavailable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Fetch = %v, want an expired deadline with code unavailable", err)
	}
}
