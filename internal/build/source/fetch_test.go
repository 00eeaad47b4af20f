package source

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
)

// entry is one entry of a tar stream.
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
	if want := sampleClaims(newClock()); !reflect.DeepEqual(asked, want) {
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

// Every way of cutting a stream short is noticed.
// errReader fails as a connection does that breaks.
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
func fetchFast(t *testing.T, raw, token, dir string, limits Limits) error {
	t.Helper()
	where, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f := newFetcher(where, token, limits)
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
