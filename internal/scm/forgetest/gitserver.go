package forgetest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"strings"
)

// maxPush bounds what one push may send.
const maxPush = 2 << 30

// isGit says whether a path belongs to smart HTTP.
func isGit(path string) bool {
	for _, suffix := range []string{"/info/refs", "/git-upload-pack", "/git-receive-pack"} {
		if strings.HasSuffix(path, suffix) {
			return true
		}
	}
	return false
}

// serveGit hands a request to git's http-backend. Around a push it compares
// refs, so that webhooks say what really changed.
func (f *Forge) serveGit(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
	if len(parts) < 3 {
		answerError(w, http.StatusNotFound, "Not Found")
		return
	}
	repo, err := f.repository(parts[0] + "/" + parts[1])
	if err != nil {
		answerError(w, http.StatusNotFound, "Not Found")
		return
	}
	login, _, _ := r.BasicAuth()
	if login == "" || login == "x-access-token" {
		login = "demo"
	}
	backend := &cgi.Handler{
		Path: filepath.Join(f.core, "git-http-backend"),
		Env: append(f.gitEnv(), "GIT_PROJECT_ROOT="+f.dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER="+login,
			"GIT_PROTOCOL="+r.Header.Get("Git-Protocol")),
		Stderr: io.Discard,
	}
	r2, done, err := spooled(r, "/"+repo.fullName()+".git/"+parts[2])
	if err != nil {
		answerError(w, http.StatusBadRequest, "The request's body could not be read")
		return
	}
	defer done()
	if parts[2] != "git-receive-pack" {
		backend.ServeHTTP(w, r2)
		return
	}
	err = f.change(repo, login, func(refs) error {
		backend.ServeHTTP(w, r2)
		return nil
	})
	if err != nil {
		panic(http.ErrAbortHandler) // the answer is out; a broken connection is all that can still be said
	}
}

// spooled rewrites the path and gives the body a length: CGI programs can't
// read chunked bodies, which git sends for large pushes.
func spooled(r *http.Request, path string) (*http.Request, func(), error) {
	r2 := r.Clone(r.Context())
	r2.URL.Path, r2.URL.RawPath = path, ""
	if r.ContentLength >= 0 {
		return r2, func() {}, nil
	}
	file, err := os.CreateTemp("", "forge-push-*")
	if err != nil {
		return nil, nil, fmt.Errorf("spool body: %w", err)
	}
	done := func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}
	n, err := io.Copy(file, http.MaxBytesReader(nil, r.Body, maxPush))
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, nil, errors.Join(errors.New("spool body"), err)
	}
	r2.Body, r2.ContentLength, r2.TransferEncoding = file, n, nil
	return r2, done, nil
}
