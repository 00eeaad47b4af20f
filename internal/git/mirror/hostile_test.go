package mirror_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/mirror"
)

const anID = "1234567890123456789012345678901234567890"

func packet(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

// firstLines begin a list of refs.
func firstLines(service bool) string {
	first := packet(anID + " refs/heads/main\x00ofs-delta shallow no-progress side-band-64k\n")
	if !service {
		return first
	}
	return packet("# service=git-upload-pack\n") + "0000" + first
}

// TestRefusedAddresses fetches from ourselves, over HTTP and ssh. Nothing is sent,
// and no mirror is made.
func TestRefusedAddresses(t *testing.T) {
	var connections atomic.Int32
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{ConnState: func(net.Conn, http.ConnState) { connections.Add(1) }, ReadHeaderTimeout: time.Minute}} //nolint:exhaustruct // it is started below
	server.Start()
	defer server.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dialer, err := dial.New(dial.Options{ClusterNetworks: []string{"10.96.0.0/12"}})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "mirrors")
	m := mirror.NewStore(dir, git.Limits{}, dialer)
	defer m.Close()
	sshKey, _ := newClientKey(t)
	for _, scheme := range []string{"http", "https", "ssh"} {
		for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "0x7f000001", "2130706433", "169.254.169.254", "[fd00:ec2::254]", "10.96.0.1", "[64:ff9b::a60:1]"} {
			remote := git.Remote{URL: scheme + "://" + host + ":" + port + "/acme/shop.git", AllowHTTP: true}
			remote.Credentials = git.Credentials{Token: canary, SSHKey: sshKey, KnownHosts: []byte("h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKqHWbPQIjuKLXZdu8Ttu1sJ0z6a7m0fsMBxbAbNbbQY")}
			_, err := m.Fetch(t.Context(), key, remote)
			if code := fault.CodeOf(err); code != fault.Denied && code != fault.Invalid {
				t.Errorf("%s: %v (%s)", remote.URL, err, code)
			}
			if text := fault.MessageOf(err); !strings.Contains(text, "outgoing.allow") && !strings.Contains(text, "is a number") {
				t.Errorf("%s: the sentence %q does not say what to do", remote.URL, text)
			}
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("the server saw %d connections", n)
	}
}

// TestSSHServersThatNeverEnd talk without end in every channel of ssh.
func TestSSHServersThatNeverEnd(t *testing.T) {
	sshKey, client := newClientKey(t)
	block := []byte(strings.Repeat("x", 32<<10))
	forEver := func(w io.Writer) {
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	for name, tt := range map[string]struct {
		speak func(*ssh.ServerConn, ssh.Channel)
		words string
	}{
		"nonsense":   {func(_ *ssh.ServerConn, c ssh.Channel) { forEver(c) }, "damaged"},
		"complaints": {func(_ *ssh.ServerConn, c ssh.Channel) { forEver(c.Stderr()) }, "larger than the limit"},
		"requests": {func(s *ssh.ServerConn, _ ssh.Channel) {
			for {
				if _, _, err := s.SendRequest("keepalive@"+string(block[:1000]), false, block); err != nil {
					return
				}
			}
		}, "larger than the limit"},
		"boundaries": {func(_ *ssh.ServerConn, c ssh.Channel) {
			_, _ = io.WriteString(c, firstLines(false))
			for {
				if _, err := io.WriteString(c, strings.Repeat(packet("shallow "+anID), 500)); err != nil {
					return
				}
			}
		}, "larger than the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newSSHServer(t, t.TempDir(), client)
			ended := make(chan struct{})
			server.speak = func(s *ssh.ServerConn, c ssh.Channel) {
				defer close(ended)
				tt.speak(s, c)
			}
			m, _ := newMirrors(t, git.Limits{})
			_, err := m.Fetch(t.Context(), key, server.remote(sshKey, "shop.git"))
			if !strings.Contains(fault.MessageOf(err), tt.words) {
				t.Errorf("%v, want %q", err, tt.words)
			}
			<-ended // the connection, too
		})
	}
}

// TestSlowServer sends a byte now and then: never silent, never done. One deadline
// ends the whole exchange and its connection.
func TestSlowServer(t *testing.T) {
	for name, begin := range map[string]string{"headers": "HTTP/1.1 200 OK\r\nX: ", "refs": "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n" + firstLines(true)} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var server sync.WaitGroup
			server.Go(func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				defer func() { _ = conn.Close() }()
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, err = io.WriteString(conn, begin)
				for err == nil {
					time.Sleep(time.Millisecond)
					_, err = io.WriteString(conn, "0")
				}
			})
			m, _ := newMirrors(t, git.Limits{FetchTime: 100 * time.Millisecond, StallTime: time.Hour})
			_, err = m.Fetch(context.Background(), key, git.Remote{URL: "http://" + listener.Addr().String() + "/shop.git", AllowHTTP: true})
			if fault.CodeOf(err) != fault.Unavailable {
				t.Errorf("%v, want unavailable", err)
			}
			server.Wait()
			_ = listener.Close()
		})
	}
}

// maxHostileBytes is what twenty hostile servers at once may cost in memory.
const maxHostileBytes = 200 << 20

// TestMemoryOfManyHostileServers has servers that give as much as they may of a
// list of refs, and then nothing.
func TestMemoryOfManyHostileServers(t *testing.T) {
	const servers = 20
	limits := git.DefaultLimits()
	var long strings.Builder
	long.WriteString(firstLines(true))
	for i := range limits.Refs - 2 {
		long.WriteString(packet(fmt.Sprintf("%s refs/heads/%053d\n", anID, i)))
	}
	all := long.String()
	full := make(chan struct{}, servers)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		_, _ = io.WriteString(w, all)
		w.(http.Flusher).Flush()
		full <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	m, _ := newMirrors(t, git.Limits{})
	before := heap()
	ctx, cancel := context.WithCancel(t.Context())
	var fetches sync.WaitGroup
	for i := range servers {
		fetches.Go(func() {
			_, err := m.Fetch(ctx, fmt.Sprint("acme/", i), git.Remote{URL: server.URL + "/shop.git", AllowHTTP: true})
			if fault.CodeOf(err) != fault.Unavailable {
				t.Errorf("%v, want unavailable", err)
			}
		})
	}
	for range servers {
		<-full
	}
	if used := int64(heap()) - int64(before); used > maxHostileBytes {
		t.Errorf("%d MiB are in use, want %d at most", used>>20, maxHostileBytes>>20)
	} else {
		t.Logf("%d MiB", used>>20)
	}
	cancel()
	fetches.Wait()
}

// heap returns the bytes of objects that are in use.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
