package forges_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/forges"
)

const (
	aCommit = "1234567890123456789012345678901234567890"
	// underWay is what may be on its way between two sockets of this machine.
	underWay = 16 << 20
)

// api is a forge's API that answers as it likes, and counts the bytes.
type api struct {
	*httptest.Server
	sent, calls atomic.Int64
	talks       sync.WaitGroup // answers that are being sent
}

func newAPI(t *testing.T, answer func(w io.Writer, r *http.Request)) *api {
	t.Helper()
	a := &api{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.talks.Add(1)
		defer a.talks.Done()
		a.calls.Add(1)
		w.Header().Set("Content-Type", "application/json")
		answer(&counting{w, &a.sent}, r)
	}))
	t.Cleanup(a.Close)
	return a
}

type counting struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

// forEver begins an answer and goes on until the connection ends.
func forEver(begin, again string) func(io.Writer, *http.Request) {
	block := []byte(strings.Repeat(again, 1+(64<<10)/len(again)))
	return func(w io.Writer, _ *http.Request) {
		_, err := io.WriteString(w, begin)
		for err == nil {
			_, err = w.Write(block)
		}
	}
}

// readers returns a reader of every forge.
func readers(t *testing.T, url string, transport http.RoundTripper) map[string]scm.Reader {
	t.Helper()
	all := map[string]scm.Reader{}
	for name, forge := range forges.All() {
		bases := map[string]string{name: url}
		if name == "bitbucket" {
			bases = map[string]string{"bitbucket cloud": url + "/2.0", "bitbucket center": url + "/rest"}
		}
		for name, base := range bases {
			reporter, err := forge.Report(scm.Access{API: base, Token: "x", AllowHTTP: true, Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			all[name] = reporter.(scm.Reader)
		}
	}
	return all
}

func direct(t *testing.T) http.RoundTripper {
	t.Helper()
	transport := dial.Unrestricted().Transport()
	t.Cleanup(transport.CloseIdleConnections)
	return scm.Bounded(transport)
}

// TestAPIsThatNeverEnd asks forges whose answers have no end, for the pull
// requests and the checks of a commit.
func TestAPIsThatNeverEnd(t *testing.T) {
	next := func(body string) func(io.Writer, *http.Request) {
		return func(w io.Writer, r *http.Request) {
			h := w.(http.ResponseWriter).Header()
			page := fmt.Sprint(time.Now().UnixNano())
			h.Set("Link", fmt.Sprintf(`<http://%s%s?page=%s>; rel="next"`, r.Host, r.URL.Path, page))
			h.Set("X-Next-Page", "7")
			_, _ = io.WriteString(w, body)
		}
	}
	for name, tt := range map[string]struct {
		answer func(io.Writer, *http.Request)
		bytes  int64
		calls  int64
		words  string
	}{
		"text":         {forEver(`[{"title":"`, "a"), 8 << 20, 2, "answers with more"},
		"space":        {forEver(`[`, "     "), 8 << 20, 2, "answers with more"},
		"objects":      {forEver(`[`, `{},`), 1 << 20, 2, "answers with more"},
		"nested":       {forEver(``, `{"values":[`), 1 << 20, 2, ""},
		"numbers":      {forEver(`{"values":[`, `1,`), 8 << 20, 2, ""},
		"nothing":      {forEver(`[`, "null,"), 8 << 20, 2, ""},
		"empty pages":  {next(`[]`), 1 << 20, 110, ""},
		"empty values": {next(`{"values":[],"isLastPage":false,"nextPageStart":1,"next":"?page=2"}`), 1 << 20, 110, ""},
		"many at once": {next(`[` + strings.Repeat(`{"number":1,"iid":1},`, 1500) + `{"number":1}]`), 1 << 20, 110, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, tt.answer)
			for forge, reader := range readers(t, a.URL, direct(t)) {
				for call, ask := range map[string]func() error{
					"pull requests": func() error { _, err := reader.PullRequests(t.Context(), "acme/shop"); return err },
					"checks":        func() error { _, err := reader.Checks(t.Context(), "acme/shop", aCommit); return err },
				} {
					a.sent.Store(0)
					a.calls.Store(0)
					err := ask()
					if code := fault.CodeOf(err); code == fault.Internal {
						t.Errorf("%s, %s: no code: %v", forge, call, err)
					}
					if strings.Contains(fault.MessageOf(err), "can't be reached") {
						t.Errorf("%s, %s: %q of a forge that answers", forge, call, fault.MessageOf(err))
					}
					if tt.words != "" && !strings.Contains(fault.MessageOf(err), tt.words) {
						t.Errorf("%s, %s: %v, want %q", forge, call, err, tt.words)
					}
					a.talks.Wait()
					if sent, calls := a.sent.Load(), a.calls.Load(); sent > tt.bytes+underWay || calls > tt.calls {
						t.Errorf("%s, %s: %d bytes in %d calls, want %d in %d at most", forge, call, sent, calls, tt.bytes, tt.calls)
					}
				}
			}
		})
	}
}

// TestExchangeHasOneDeadline reads pages of a forge that takes its time for each.
func TestExchangeHasOneDeadline(t *testing.T) {
	a := newAPI(t, func(w io.Writer, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(10 * time.Millisecond):
		}
		w.(http.ResponseWriter).Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=7>; rel="next"`, r.Host, r.URL.Path))
		_, _ = io.WriteString(w, `[]`)
	})
	exchange, end := scm.Exchange(t.Context())
	defer end()
	if _, bounded := exchange.Deadline(); !bounded {
		t.Error("an exchange has no deadline")
	}
	short, cancel := context.WithTimeout(exchange, 25*time.Millisecond)
	defer cancel()
	_, err := readers(t, a.URL, direct(t))["github"].PullRequests(short, "acme/shop")
	if fault.CodeOf(err) != fault.Unavailable || a.calls.Load() > 10 {
		t.Errorf("%v after %d calls", err, a.calls.Load())
	}
}

// TestExchangeHasOneBudget reads pages that are each as long as an answer may be.
func TestExchangeHasOneBudget(t *testing.T) {
	page := `[{"title":"` + strings.Repeat("a", 7<<20) + `"}]`
	a := newAPI(t, func(w io.Writer, r *http.Request) {
		w.(http.ResponseWriter).Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=7>; rel="next"`, r.Host, r.URL.Path))
		_, _ = io.WriteString(w, page)
	})
	exchange, end := scm.Exchange(t.Context())
	defer end()
	_, err := readers(t, a.URL, direct(t))["github"].PullRequests(exchange, "acme/shop")
	if fault.CodeOf(err) != fault.Unavailable || a.calls.Load() > 11 {
		t.Errorf("%v after %d calls", err, a.calls.Load())
	}
}

// maxHostileBytes is what twenty hostile forges at once may cost in memory.
const maxHostileBytes = 200 << 20

// TestMemoryOfManyHostileAPIs has forges whose answers stop just before a limit,
// and looks at the memory while all of them are being read.
func TestMemoryOfManyHostileAPIs(t *testing.T) {
	for name, answer := range map[string]string{
		"long":         `[{"title":"` + strings.Repeat("a", 8<<20-100),
		"many objects": `[` + strings.Repeat(`{"user":{},"head":{},"base":{}},`, 4_900),
		"small":        `[` + strings.Repeat(`{"user":{},"head":{},"base":{}},`, 900) + strings.Repeat(" ", 900<<10),
	} {
		t.Run(name, func(t *testing.T) {
			const servers = 20
			bytes := []byte(answer)
			var full sync.WaitGroup
			full.Add(servers)
			a := newAPI(t, func(w io.Writer, r *http.Request) {
				done := make(chan struct{})
				go func() { // those that wait for their turn take in nothing more
					defer close(done)
					_, _ = w.Write(bytes)
					_ = http.NewResponseController(w.(*counting).ResponseWriter).Flush()
				}()
				select {
				case <-done:
				case <-time.After(500 * time.Millisecond):
				}
				full.Done()
				<-r.Context().Done()
				<-done
			})
			before := heap()
			ctx, cancel := context.WithCancel(t.Context())
			reader := readers(t, a.URL, direct(t))["github"]
			var all sync.WaitGroup
			for range servers {
				all.Go(func() { _, _ = reader.PullRequests(ctx, "acme/shop") })
			}
			full.Wait()
			if used := int64(heap()) - int64(before); used > maxHostileBytes {
				t.Errorf("%d MiB are in use, want %d at most", used>>20, maxHostileBytes>>20)
			} else {
				t.Logf("%d MiB", used>>20)
			}
			cancel()
			all.Wait()
		})
	}
}

// heap returns the bytes of objects that are in use.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
