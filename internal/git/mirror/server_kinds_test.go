package mirror_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// TestServerWithoutShallow talks to servers that don't offer shallow clones,
// or refuse them when they are asked for, through a life of pushes.
func TestServerWithoutShallow(t *testing.T) {
	hide := func(backend http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			record := httptest.NewRecorder()
			backend.ServeHTTP(record, r)
			body := record.Body.Bytes()
			if r.Method == http.MethodGet {
				body = bytes.ReplaceAll(body, []byte(" shallow "), []byte(" hollow7 "))
			}
			w.Header().Set("Content-Type", record.Header().Get("Content-Type"))
			_, _ = w.Write(body)
		})
	}
	refuse := func(backend http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if bytes.Contains(body, []byte("deepen ")) || bytes.Contains(body, []byte("shallow ")) {
				w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
				_, _ = fmt.Fprint(w, "001bERR shallow not allowed\n")
				return
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			backend.ServeHTTP(w, r)
		})
	}
	for name, wrap := range map[string]func(http.Handler) http.Handler{"not offered": hide, "refused": refuse} {
		t.Run(name, func(t *testing.T) {
			s := gittest.NewServer(t)
			r := s.Repo("shop")
			first := r.Commit("main", map[string]string{"a": "1"})
			r.Commit("main", map[string]string{"a": "2"})
			s.Through(wrap)
			m, _ := newMirrors(t, git.Limits{Packs: 2})
			checkHeads(t, m, s, r)
			if content(t, m, first, "a") != "1" {
				t.Error("a complete clone lacks the first commit")
			}
			for i := range 4 {
				r.Commit("main", map[string]string{"a": fmt.Sprint(i)})
				checkHeads(t, m, s, r)
			}
			r.Git("update-ref", "refs/heads/main", first)
			checkHeads(t, m, s, r)
			r.CommitOn("main", "", map[string]string{"z": "unrelated"})
			checkHeads(t, m, s, r)
		})
	}
	t.Run("no longer offered", func(t *testing.T) {
		s := gittest.NewServer(t)
		r := s.Repo("shop")
		r.Commit("main", map[string]string{"a": "1"})
		r.Commit("main", map[string]string{"a": "2"})
		m, _ := newMirrors(t, git.Limits{})
		checkHeads(t, m, s, r)
		s.Through(hide)
		r.Commit("main", map[string]string{"a": "3"})
		checkHeads(t, m, s, r)
	})
}

// TestLargeHistoryIsLeftOut rewinds a branch behind the boundary of the mirror:
// git would send all history before it; beyond IncrementalBytes only the tip
// is taken.
func TestLargeHistoryIsLeftOut(t *testing.T) {
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	noise := func(n int) map[string]string {
		b := make([]byte, 64<<10)
		_, _ = rand.Read(b)
		return map[string]string{"noise": string(b), "n": fmt.Sprint(n)}
	}
	var commits []string
	for i := range 10 {
		commits = append(commits, r.Commit("main", noise(i)))
	}
	m, _ := newMirrors(t, git.Limits{IncrementalBytes: 200 << 10})
	checkHeads(t, m, s, r)
	s.Requests()
	r.Git("update-ref", "refs/heads/main", commits[8])
	checkHeads(t, m, s, r)
	if asked := s.Requests(); len(asked) != 3 {
		t.Errorf("requests %v, want a second one for the tip alone", asked)
	}
	if _, err := m.Commit(context.Background(), key, commits[7]); err == nil {
		t.Error("history was taken all the same")
	}
	for i := range 3 {
		r.Commit("main", map[string]string{"n": fmt.Sprint("later ", i)})
		checkHeads(t, m, s, r)
	}
}

// sshServer runs git-upload-pack for one key, as a forge does.
type sshServer struct {
	t        *testing.T
	root     string
	listener net.Listener
	config   *ssh.ServerConfig
	hostKey  ssh.PublicKey
	wait     sync.WaitGroup

	// speak, when set, answers a command in place of git.
	speak func(server *ssh.ServerConn, channel ssh.Channel)

	mu       sync.Mutex
	commands []string
}

func newSSHServer(t *testing.T, root string, client ssh.PublicKey) *sshServer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	gittest.Must(t, err)
	signer, err := ssh.NewSignerFromKey(private)
	gittest.Must(t, err)
	s := &sshServer{t: t, root: root, hostKey: signer.PublicKey()}
	s.config = &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, given ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != "git" || !bytes.Equal(given.Marshal(), client.Marshal()) {
			return nil, fmt.Errorf("not known")
		}
		return nil, nil
	}}
	s.config.AddHostKey(signer)
	s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	gittest.Must(t, err)
	s.wait.Go(s.accept)
	t.Cleanup(func() {
		_ = s.listener.Close()
		s.wait.Wait()
	})
	return s
}

func (s *sshServer) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.wait.Go(func() { s.serve(conn) })
	}
}

func (s *sshServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	server, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		for request := range requests {
			if request.Type != "exec" {
				_ = request.Reply(false, nil)
				continue
			}
			_ = request.Reply(true, nil)
			if s.speak != nil {
				s.speak(server, channel)
				return
			}
			s.run(channel, string(request.Payload[4:]))
		}
	}
}

func (s *sshServer) run(channel ssh.Channel, command string) {
	s.mu.Lock()
	s.commands = append(s.commands, command)
	s.mu.Unlock()
	path := strings.Trim(strings.TrimPrefix(command, "git-upload-pack "), "'")
	cmd := exec.Command("git", "upload-pack", filepath.Join(s.root, path))
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		s.t.Error(err)
		return
	}
	s.wait.Go(func() { // a client may keep its side open after the command ended
		_, _ = io.Copy(stdin, channel)
		_ = stdin.Close()
	})
	status := uint32(0)
	if cmd.Run() != nil {
		status = 128
	}
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{status}))
	_ = channel.Close()
}

// newClientKey returns a key of a client, in PEM and as servers know it.
func newClientKey(t *testing.T) ([]byte, ssh.PublicKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	gittest.Must(t, err)
	block, err := ssh.MarshalPrivateKey(private, "")
	gittest.Must(t, err)
	client, err := ssh.NewPublicKey(public)
	gittest.Must(t, err)
	return pem.EncodeToMemory(block), client
}

// remote is a repository at the server.
func (s *sshServer) remote(key []byte, path string) git.Remote {
	address := s.listener.Addr().String()
	return git.Remote{URL: "ssh://git@" + address + "/" + path, Credentials: git.Credentials{
		SSHKey: key, KnownHosts: []byte(knownhosts.Line([]string{knownhosts.Normalize(address)}, s.hostKey)),
	}}
}

func TestSSH(t *testing.T) {
	key, client := newClientKey(t)
	s := gittest.NewServer(t)
	r := s.Repo("shop.git")
	other := newSSHServer(t, s.Dir, client)
	server := newSSHServer(t, s.Dir, client)
	address := server.listener.Addr().String()
	good := server.remote(key, "shop.git")
	m, _ := newMirrors(t, git.Limits{})
	if h := fetch(t, m, good); len(h.Refs) != 0 {
		t.Errorf("an empty repository has refs %v", h.Refs)
	}
	for i := range 3 {
		c := r.Commit("main", map[string]string{"a": fmt.Sprint(i)})
		if h := fetch(t, m, good); h.Refs["refs/heads/main"] != c || h.Default != "refs/heads/main" {
			t.Fatalf("Heads = %v", h)
		}
		if got := content(t, m, c, "a"); got != fmt.Sprint(i) {
			t.Errorf("a = %q", got)
		}
		fetch(t, m, good) // nothing new
	}
	if server.commands[0] != "git-upload-pack '/shop.git'" {
		t.Errorf("the command was %q", server.commands[0])
	}
	missing, unknown, otherUser := good, good, good
	missing.URL = "ssh://git@" + address + "/none.git"
	unknown.Credentials.KnownHosts = []byte(knownhosts.Line([]string{knownhosts.Normalize(address)}, other.hostKey))
	otherUser.URL = "ssh://mallory@" + address + "/shop.git"
	closed := good
	closed.URL = "ssh://git@127.0.0.1:1/shop.git"
	for name, tt := range map[string]struct {
		remote git.Remote
		code   fault.Code
	}{
		"no such repository": {missing, fault.NotFound}, "another host key": {unknown, fault.Denied},
		"key not accepted": {otherUser, fault.Denied}, "nobody listens": {closed, fault.Unavailable},
	} {
		if _, err := m.Fetch(context.Background(), "other", tt.remote); fault.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want code %s", name, err, tt.code)
		}
	}
}
