package wire_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"go.uber.org/goleak"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kernelBytes is what may be on its way between two sockets of this machine.
const kernelBytes = 16 << 20

// hostile is a server that sends what it likes, and counts it.
type hostile struct {
	listener net.Listener
	speak    func(w io.Writer, request *http.Request)
	sent     atomic.Int64
	talks    atomic.Int32 // connections that are open
	all      sync.WaitGroup
}

func newHostile(t testing.TB, speak func(w io.Writer, request *http.Request)) *hostile {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{listener: listener, speak: speak}
	h.all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			h.talks.Add(1)
			h.all.Go(func() { h.talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		h.all.Wait()
	})
	return h
}

// talk answers requests over one connection until it ends.
func (h *hostile) talk(conn net.Conn) {
	defer h.talks.Add(-1)
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, request.Body)
		h.speak(countingWriter{conn, &h.sent}, request)
	}
}

type countingWriter struct {
	io.Writer
	sent *atomic.Int64
}

func (w countingWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	w.sent.Add(int64(n))
	return n, err
}

func (h *hostile) url() string { return "http://" + h.listener.Addr().String() + "/acme/shop.git" }

// silent waits until nobody talks to the server any more: all connections ended.
func (h *hostile) silent(t *testing.T) {
	t.Helper()
	for h.talks.Load() > 0 {
		if t.Context().Err() != nil {
			t.Fatal("connections are still open")
		}
		runtime.Gosched()
	}
}

// forEver writes a text again and again until the connection ends.
func forEver(w io.Writer, text string) {
	block := []byte(strings.Repeat(text, 1+(32<<10)/len(text)))
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func line(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

const (
	aHash        = "1234567890123456789012345678901234567890"
	capabilities = "\x00ofs-delta shallow no-progress side-band-64k symref=HEAD:refs/heads/main"
)

func head(kind string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-" + kind + "\r\nConnection: close\r\n\r\n"
}

func advertisement(more string) string {
	return head("advertisement") + line("# service=git-upload-pack\n") + "0000" + line(aHash+" refs/heads/main"+capabilities+"\n") + more
}

// exchange asks for a list of refs, and for a pack with what they name.
func exchange(ctx context.Context, t testing.TB, url string, pack bool) (*wire.Listing, uint32, error) {
	t.Helper()
	dialer, err := dial.New(dial.Options{Allow: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	limits := git.Limits{FetchBytes: 1 << 20, Refs: 1000, StallTime: time.Minute}.WithDefaults()
	client := wire.NewClient(t.TempDir(), limits, dialer)
	t.Cleanup(client.Close)
	remote := git.Remote{URL: url, AllowHTTP: true}
	where, session, err := client.Open(remote)
	if err != nil {
		return nil, 0, err
	}
	defer session.Close()
	listing, err := wire.List(ctx, session, remote, limits.Refs)
	if err != nil || !pack {
		return listing, 0, wire.Fault(ctx, where, err)
	}
	in, err := wire.FetchPack(ctx, session, listing, wire.Request{Wants: wants(listing), Depth: 1, Max: limits.FetchBytes})
	if err != nil {
		return listing, 0, wire.Fault(ctx, where, err)
	}
	defer func() { _ = in.Close() }()
	count, err := wire.CopyPack(io.Discard, in, limits.FetchBytes, limits)
	return listing, count, wire.Fault(ctx, where, err)
}

// TestServersThatNeverEnd talk without end in every channel of the protocol that
// there is before a list of refs, in it, and after it.
func TestServersThatNeverEnd(t *testing.T) {
	refs := func(w io.Writer, kind string) {
		for i := 0; ; i++ {
			if _, err := io.WriteString(w, line(fmt.Sprintf("%s refs/%s/%d\n", aHash, kind, i))); err != nil {
				return
			}
		}
	}
	answer := func(text string) func(io.Writer) { return func(w io.Writer) { _, _ = io.WriteString(w, text) } }
	start := func(text, again string) func(io.Writer) {
		return func(w io.Writer) {
			_, _ = io.WriteString(w, text)
			forEver(w, again)
		}
	}
	for name, tt := range map[string]struct {
		list  func(io.Writer)
		pack  func(io.Writer) // nil: only the list is asked for
		bytes int64
		words string
	}{
		"a status line":      {list: start("HTTP/1.1 200 ", "OK"), bytes: 1 << 20, words: "server"},
		"headers":            {list: start("HTTP/1.1 200 OK\r\n", "X-A: b\r\n"), bytes: 1 << 20, words: "server"},
		"one header":         {list: start("HTTP/1.1 200 OK\r\nX: ", "a"), bytes: 1 << 20, words: "server"},
		"answers to come":    {list: start("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), bytes: 1 << 20, words: "server"},
		"a refusal":          {list: start("HTTP/1.1 404 Not Found\r\n\r\n", "no "), bytes: 1 << 20, words: "doesn't exist"},
		"an error":           {list: start("HTTP/1.1 500 Internal Server Error\r\n\r\n", "no "), bytes: 1 << 20, words: "error of its own"},
		"a web page":         {list: start("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", "<p>"), bytes: 1 << 20, words: "doesn't answer as a git repository"},
		"a redirect":         {list: start("HTTP/1.1 302 Found\r\nLocation: /b/info/refs\r\n\r\n", "there "), bytes: 4 << 20, words: "redirects"},
		"redirects":          {list: answer("HTTP/1.1 302 Found\r\nLocation: /acme/shop.git/info/refs\r\nContent-Length: 0\r\n\r\n"), bytes: 1 << 20, words: "redirects"},
		"chunk extensions":   {list: start("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nTransfer-Encoding: chunked\r\n\r\n4;", "x"), bytes: 1 << 20, words: "server"},
		"small chunks":       {list: start("HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nTransfer-Encoding: chunked\r\n\r\n", "1;"+strings.Repeat("y", 4000)+"\r\nz\r\n"), bytes: 1 << 20, words: "server"},
		"nonsense":           {list: start(head("advertisement"), "z"), bytes: 1 << 20, words: "damaged"},
		"flushes":            {list: start(head("advertisement")+line("# service=git-upload-pack\n"), line("# x\n")), bytes: 1 << 20, words: "damaged"},
		"services":           {list: start(head("advertisement"), line("# service=git-upload-pack\n")+"0000"), bytes: 16 << 20, words: "larger than the limit"},
		"refs":               {list: func(w io.Writer) { _, _ = io.WriteString(w, advertisement("")); refs(w, "heads") }, bytes: 1 << 20, words: "more than 1000 refs"},
		"refs of no use":     {list: func(w io.Writer) { _, _ = io.WriteString(w, advertisement("")); refs(w, "keep-around") }, bytes: 1 << 20, words: "more than 1000 refs"},
		"HEADs":              {list: start(advertisement(""), line(aHash+" HEAD\n")), bytes: 16 << 20, words: "larger than the limit"},
		"peeled refs":        {list: start(advertisement(""), line(aHash+" refs/heads/main^{}\n")), bytes: 16 << 20, words: "larger than the limit"},
		"boundaries":         {list: start(advertisement(""), line("shallow "+aHash)), bytes: 16 << 20, words: "larger than the limit"},
		"long names":         {list: start(advertisement(""), line(aHash+" refs/heads/"+strings.Repeat("n", 30_000)+"\n")), bytes: 1 << 20, words: "larger than the limit"},
		"capabilities":       {list: start(head("advertisement"), line(aHash+" refs/heads/x\x00"+strings.Repeat("cap ", 15_000))), bytes: 16 << 20, words: "larger than the limit"},
		"pack: a refusal":    {list: answer(advertisement("0000")), pack: start("HTTP/1.1 403 Forbidden\r\n\r\n", "no "), bytes: 1 << 20, words: "refused the credentials"},
		"pack: headers":      {list: answer(advertisement("0000")), pack: start("HTTP/1.1 200 OK\r\n", "X-A: b\r\n"), bytes: 1 << 20, words: "server"},
		"pack: boundaries":   {list: answer(advertisement("0000")), pack: start(head("result"), line("shallow "+aHash)), bytes: 4 << 20, words: "larger than the limit"},
		"pack: other lines":  {list: answer(advertisement("0000")), pack: start(head("result"), line("whatever")), bytes: 4 << 20, words: "larger than the limit"},
		"pack: ACKs":         {list: answer(advertisement("0000")), pack: start(head("result")+"0000", line("ACK "+aHash+"\n")), bytes: 4 << 20, words: "larger than the limit"},
		"pack: NAKs":         {list: answer(advertisement("0000")), pack: start(head("result")+"0000", line("NAK\n")), bytes: 4 << 20, words: "larger than the limit"},
		"pack: progress":     {list: answer(advertisement("0000")), pack: start(head("result")+"0000"+line("NAK\n"), line("\x02counting\r")), bytes: 4 << 20, words: "larger than the limit"},
		"pack: keep-alives":  {list: answer(advertisement("0000")), pack: start(head("result")+"0000"+line("NAK\n"), line("\x01")), bytes: 4 << 20, words: "larger than the limit"},
		"pack: data":         {list: answer(advertisement("0000")), pack: start(head("result")+"0000"+line("NAK\n"), line("\x01"+strings.Repeat("x", 1000))), bytes: 4 << 20, words: "damaged"},
		"pack: many objects": {list: answer(advertisement("0000")), pack: start(head("result")+"0000"+line("NAK\n")+line("\x01PACK\x00\x00\x00\x02\xff\xff\xff\xff"), line("\x01xxx")), bytes: 4 << 20, words: "larger than the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t, func(w io.Writer, request *http.Request) {
				if request.Method == http.MethodPost {
					tt.pack(w)
					return
				}
				tt.list(w)
				if tt.pack != nil {
					_ = w.(countingWriter).Writer.(net.Conn).Close()
				}
			})
			_, _, err := exchange(t.Context(), t, h.url(), tt.pack != nil)
			if err == nil || !strings.Contains(fault.MessageOf(err), tt.words) {
				t.Errorf("%v, want %q", err, tt.words)
			}
			if code := fault.CodeOf(err); code == fault.Internal {
				t.Errorf("the error has no code: %v", err)
			}
			if name != "redirects" {
				h.silent(t)
			}
			if sent := h.sent.Load(); sent > tt.bytes+kernelBytes {
				t.Errorf("the server could send %d bytes, want %d at most and what is under way", sent, tt.bytes)
			}
		})
	}
}

// TestLongListIsRead reads what the limits just allow.
func TestLongListIsRead(t *testing.T) {
	h := newHostile(t, func(w io.Writer, _ *http.Request) {
		var all strings.Builder
		all.WriteString(advertisement(""))
		for i := range 999 {
			all.WriteString(line(fmt.Sprintf("%s refs/heads/b%d\n", aHash, i)))
		}
		_, _ = io.WriteString(w, all.String()+"0000")
	})
	listing, _, err := exchange(t.Context(), t, h.url(), false)
	if err != nil || len(listing.Refs) != 1000 || listing.Head != "refs/heads/main" {
		t.Errorf("%+v, %v", listing, err)
	}
}

func wants(l *wire.Listing) []plumbing.Hash {
	var all []plumbing.Hash
	for _, target := range l.Refs {
		all = append(all, target.Object)
	}
	return all
}
