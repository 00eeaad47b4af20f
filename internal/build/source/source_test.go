package source

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
)

// entry is one entry of a tar stream.
type entry struct {
	name string
	kind byte
	mode int64
	body string // content, or target of a link
}

func tarOf(entries ...entry) Tar {
	return func(w io.Writer) error {
		archive := tar.NewWriter(w)
		for _, e := range entries {
			header := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: e.mode, ModTime: time.Unix(1_700_000_000, 0)}
			if e.kind == tar.TypeReg {
				header.Size = int64(len(e.body))
			} else {
				header.Linkname = e.body
			}
			if err := archive.WriteHeader(header); err != nil {
				return err
			}
			if header.Size > 0 {
				if _, err := io.WriteString(archive, e.body); err != nil {
					return err
				}
			}
		}
		return archive.Close()
	}
}

func file(name, body string) entry { return entry{name, tar.TypeReg, 0o644, body} }

// server serves one context, and returns its URL and a token.
func server(t *testing.T, open Open, limits Limits) (url, token string) {
	t.Helper()
	c := newClock()
	signer := newTestSigner(t, c, testKey(1))
	s := httptest.NewServer(NewHandler(signer, open, limits))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	return s.URL, sign(t, signer, sampleClaims(c))
}

func always(write Tar) Open {
	return func(context.Context, Claims) (Tar, error) { return write, nil }
}

func TestFetch(t *testing.T) {
	var asked Claims
	write := tarOf(
		entry{"empty/", tar.TypeDir, 0o755, ""},
		file("Dockerfile", "FROM scratch\n"),
		entry{"bin/run", tar.TypeReg, 0o755, "#!/bin/sh\n"},
		file("deep/er/x", strings.Repeat("x", 100_000)),
		entry{"link", tar.TypeSymlink, 0o777, "deep/er/x"},
		entry{"deep/up", tar.TypeSymlink, 0o777, "../bin/run"},
	)
	url, token := server(t, func(_ context.Context, claims Claims) (Tar, error) {
		asked = claims
		return write, nil
	}, Limits{})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "left-over"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Fetch(t.Context(), url, " "+token+"\n", dir, Limits{}); err != nil {
		t.Fatal(err)
	}
	if want := sampleClaims(newClock()); asked != want {
		t.Errorf("opened %+v, want %+v", asked, want)
	}
	want := map[string]string{
		"Dockerfile": "-rw-r--r-- 13",
		"bin":        "drwxr-xr-x",
		"bin/run":    "-rwxr-xr-x 10",
		"deep":       "drwxr-xr-x",
		"deep/er":    "drwxr-xr-x",
		"deep/er/x":  "-rw-r--r-- 100000",
		"deep/up":    "Lrwxrwxrwx ../bin/run",
		"empty":      "drwxr-xr-x",
		"link":       "Lrwxrwxrwx deep/er/x",
	}
	if diff := cmp.Diff(want, listing(t, dir)); diff != "" {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(dir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	if !info.ModTime().Equal(time.Unix(1_700_000_000, 0)) {
		t.Errorf("modification time %v is not the archive's", info.ModTime())
	}
}

func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + jsonInt(len(data))
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " " + target
		}
		rel, err := filepath.Rel(dir, path)
		found[rel] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func jsonInt(n int) string {
	data, err := json.Marshal(n)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func TestHostileContexts(t *testing.T) {
	many := make([]entry, 30)
	for i := range many {
		many[i] = entry{"d" + strings.Repeat("x", i), tar.TypeDir, 0o755, ""}
	}
	tests := map[string]struct {
		entries []entry
		want    fault.Code
	}{
		"parent":                    {[]entry{file("../evil", "x")}, fault.Invalid},
		"parent inside":             {[]entry{file("a/../../evil", "x")}, fault.Invalid},
		"absolute":                  {[]entry{file("/evil", "x")}, fault.Invalid},
		"link out":                  {[]entry{{"l", tar.TypeSymlink, 0, "../evil"}}, fault.Invalid},
		"link out, absolute":        {[]entry{{"l", tar.TypeSymlink, 0, "/etc/passwd"}}, fault.Invalid},
		"link out, later":           {[]entry{{"a/l", tar.TypeSymlink, 0, "../../evil"}}, fault.Invalid},
		"empty link":                {[]entry{{"l", tar.TypeSymlink, 0, ""}}, fault.Invalid},
		"hard link":                 {[]entry{{"l", tar.TypeLink, 0, "/etc/passwd"}}, fault.Invalid},
		"device":                    {[]entry{{"d", tar.TypeChar, 0, ""}}, fault.Invalid},
		"pipe":                      {[]entry{{"p", tar.TypeFifo, 0, ""}}, fault.Invalid},
		"twice":                     {[]entry{file("a", "x"), file("a", "y")}, fault.Internal},
		"file where a link is":      {[]entry{{"l", tar.TypeSymlink, 0, "t"}, file("l", "x")}, fault.Internal},
		"through a link to nothing": {[]entry{{"l", tar.TypeSymlink, 0, "t"}, file("l/x", "x")}, fault.Internal},
		"too many":                  {many, fault.Invalid},
		"too deep":                  {[]entry{file(strings.Repeat("d/", 300)+"x", "x")}, fault.Invalid},
		"too large":                 {[]entry{file("a", strings.Repeat("x", 1<<20))}, fault.Invalid},
		"too large together":        {[]entry{file("a", strings.Repeat("x", 40_000)), file("b", strings.Repeat("x", 40_000))}, fault.Invalid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			dir := filepath.Join(outside, "context")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			var stream bytes.Buffer
			if err := tarOf(test.entries...)(&stream); err != nil {
				t.Fatal(err)
			}
			err = extract(&stream, root, Limits{Bytes: 64 << 10, Entries: 20})
			if fault.CodeOf(err) != test.want {
				t.Errorf("error %v has code %q, want %q", err, fault.CodeOf(err), test.want)
			}
			if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
				t.Errorf("something was written outside: %v, %v", entries, err)
			}
		})
	}
}

// Every way of cutting a stream short is noticed.
func TestTruncatedStreams(t *testing.T) {
	var whole bytes.Buffer
	if err := tarOf(file("a", "one"), file("b", "two"))(&whole); err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < whole.Len(); cut += 128 {
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		broken := io.MultiReader(bytes.NewReader(whole.Bytes()[:cut]), errReader{})
		if err := extract(broken, root, Limits{}.withDefaults()); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("cut at %d: %v, want unavailable", cut, err)
		}
		root.Close()
	}
}

// errReader fails as a connection does that breaks.
type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A stream that fails on the server breaks off; the client tries again and
// starts afresh.
func TestFetchTriesAgain(t *testing.T) {
	var calls atomic.Int64
	whole := tarOf(file("a", "one"), file("b", "two"))
	url, token := server(t, always(func(w io.Writer) error {
		if calls.Add(1) == 1 {
			if err := tarOf(file("a", "one"), file("partial", "x"))(w); err != nil {
				return err
			}
			return errors.New("the mirror went away")
		}
		return whole(w)
	}), Limits{})
	dir := t.TempDir()
	if err := fetchFast(t, url, token, dir, Limits{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"a": "-rw-r--r-- 3", "b": "-rw-r--r-- 3"}, listing(t, dir)); diff != "" {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
	if calls.Load() != 2 {
		t.Errorf("%d attempts, want 2", calls.Load())
	}
}

// fetchFast is Fetch with short waits between its attempts.
func fetchFast(t *testing.T, url, token, dir string, limits Limits) error {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f := newFetcher(url, token, limits)
	defer f.client.CloseIdleConnections()
	return f.persist(t.Context(), root, time.Millisecond)
}

func TestFetchGivesUp(t *testing.T) {
	var calls atomic.Int64
	handler := func(status int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Content-Type", kind)
			if status == http.StatusFound {
				w.Header().Set("Location", "/elsewhere")
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	tests := map[string]struct {
		handler  http.HandlerFunc
		want     fault.Code
		attempts int64
		says     string
	}{
		"refused":       {handler(403, "application/json", `{"error":"because"}`), fault.Denied, 1, "because"},
		"unknown":       {handler(404, "application/json", `{"error":"no such commit"}`), fault.NotFound, 1, "no such commit"},
		"unprocessable": {handler(422, "application/json", `{"error":"too big"}`), fault.Invalid, 1, "too big"},
		"away":          {handler(503, "text/plain", "x"), fault.Unavailable, fetchAttempts, "Service Unavailable"},
		"redirect":      {handler(302, "text/plain", "x"), fault.Invalid, 1, "302"},
		"not Slipway":   {handler(200, "text/html", "<html>"), fault.Invalid, 1, "is not Slipway"},
		"no archive":    {handler(200, mediaType, "x"), fault.Unavailable, fetchAttempts, "broke off"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			calls.Store(0)
			s := httptest.NewServer(test.handler)
			defer s.Close()
			err := fetchFast(t, s.URL, "secret-token", t.TempDir(), Limits{})
			if fault.CodeOf(err) != test.want || !strings.Contains(fault.MessageOf(err), test.says) {
				t.Errorf("error %v, want %s with %q", err, test.want, test.says)
			}
			if calls.Load() != test.attempts {
				t.Errorf("%d attempts, want %d", calls.Load(), test.attempts)
			}
			if strings.Contains(err.Error(), "secret-token") {
				t.Errorf("error holds the token: %v", err)
			}
		})
	}
}

func TestFetchNoticesAStall(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	err := fetchFast(t, s.URL, "t", t.TempDir(), Limits{Stall: 5 * time.Millisecond})
	if fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("error %v, want unavailable", err)
	}
}

func TestHandlerRefuses(t *testing.T) {
	var opened atomic.Int64
	open := func(_ context.Context, claims Claims) (Tar, error) {
		opened.Add(1)
		switch claims.Path {
		case "gone":
			return nil, fault.New(fault.NotFound, "commit is gone")
		case "later":
			return nil, fault.New(fault.Unavailable, "try later")
		case "bug":
			return nil, errors.New("detail that must not leave")
		case "wrong":
			return func(io.Writer) error { return fault.New(fault.Invalid, "link leads outside") }, nil
		}
		return tarOf(file("a", "b")), nil
	}
	c := newClock()
	signer := newTestSigner(t, c, testKey(1))
	handler := NewHandler(signer, open, Limits{})
	token := func(path string) string {
		claims := sampleClaims(c)
		claims.Path = path
		return "Bearer " + sign(t, signer, claims)
	}
	tests := map[string]struct {
		method, authorization string
		status                int
		opens                 int64
		says                  string
	}{
		"no token":      {http.MethodGet, "", 401, 0, "not valid"},
		"other scheme":  {http.MethodGet, "Basic " + token("x"), 401, 0, "not valid"},
		"forged":        {http.MethodGet, token("x") + "x", 401, 0, "not valid"},
		"other method":  {http.MethodPost, token("x"), 405, 0, "GET"},
		"gone":          {http.MethodGet, token("gone"), 404, 1, "commit is gone"},
		"later":         {http.MethodGet, token("later"), 503, 1, "try later"},
		"bug":           {http.MethodGet, token("bug"), 500, 1, "internal error"},
		"wrong context": {http.MethodGet, token("wrong"), 422, 1, "link leads outside"},
		"right":         {http.MethodGet, token("x"), 200, 1, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			opened.Store(0)
			request := httptest.NewRequest(test.method, "/source", nil)
			request.Header.Set("Authorization", test.authorization)
			response := httptest.NewRecorder()
			handler.ServeHTTP(response, request)
			if response.Code != test.status || opened.Load() != test.opens {
				t.Errorf("status %d after %d opens, want %d after %d", response.Code, opened.Load(), test.status, test.opens)
			}
			if body := response.Body.String(); !strings.Contains(body, test.says) || strings.Contains(body, "must not leave") {
				t.Errorf("body %q, want %q", body, test.says)
			}
		})
	}
}

func TestHandlerBoundsTheStream(t *testing.T) {
	url, token := server(t, always(tarOf(file("a", strings.Repeat("x", 1<<20)))), Limits{Bytes: 64 << 10})
	err := fetchFast(t, url, token, t.TempDir(), Limits{})
	if err == nil {
		t.Error("a context beyond the server's limit was taken for whole")
	}
}

func TestHandlerBoundsConcurrency(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	url, token := server(t, always(func(w io.Writer) error {
		close(entered)
		<-leave
		return tarOf(file("a", "b"))(w)
	}), Limits{Streams: 1})
	first := make(chan error, 1)
	dir := t.TempDir()
	go func() { first <- Fetch(t.Context(), url, token, dir, Limits{}) }()
	<-entered
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("second stream got %d, want 503 with Retry-After", response.StatusCode)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func FuzzExtract(f *testing.F) {
	for _, entries := range [][]entry{
		{file("a", "b"), {"l", tar.TypeSymlink, 0, "a"}, {"d/", tar.TypeDir, 0, ""}},
		{file("../x", "b")}, {{"h", tar.TypeLink, 0, "a"}},
	} {
		var stream bytes.Buffer
		if err := tarOf(entries...)(&stream); err != nil {
			f.Fatal(err)
		}
		f.Add(stream.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		outside := t.TempDir()
		dir := filepath.Join(outside, "context")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		_ = extract(bytes.NewReader(data), root, Limits{Bytes: 1 << 16, Entries: 50})
		if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
			t.Errorf("something was written outside: %v, %v", entries, err)
		}
	})
}
