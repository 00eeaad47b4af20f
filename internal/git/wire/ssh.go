package wire

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"golang.org/x/crypto/ssh"

	"github.com/slipway-dev/slipway/internal/git"
)

const (
	// stderrBytes is how much of a server's complaint is looked at.
	stderrBytes = 4096
	// handshakeBytes is what a server may send beside what it is asked for: keys,
	// banners, complaints and whatever the protocol has it ignore.
	handshakeBytes = 1 << 20
	// handshakeTimeout bounds the opening of an ssh connection.
	handshakeTimeout = 20 * time.Second
)

// sshSession speaks the git protocol over ssh. Each pack needs its own
// command, so a second pack connects again. Neither the user's ssh
// configuration nor an agent is consulted.
type sshSession struct {
	endpoint    Endpoint
	credentials git.Credentials
	client      *Client
	line        *sshLine // nil when not connected
}

// sshLine is one running upload-pack.
type sshLine struct {
	conn    *meteredConn
	client  *ssh.Client
	session *ssh.Session
	stdin   io.WriteCloser
	stdout  *watchdog
	stderr  *headBuffer
	release func() bool
}

func newSSHSession(c *Client, e Endpoint, credentials git.Credentials) *sshSession {
	return &sshSession{endpoint: e, credentials: credentials, client: c}
}

func (s *sshSession) List(ctx context.Context, patterns []string, limit int) (*Listing, error) {
	line, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	listing, err := readListing(line, patterns, limit)
	if err != nil {
		line.close()
		return nil, line.complaint(err)
	}
	s.line = line
	return listing, nil
}

func (s *sshSession) Pack(ctx context.Context, req *packp.UploadPackRequest, max int64) (*packp.UploadPackResponse, error) {
	if s.line == nil { // its refs were listed before, so that none need be kept
		if _, err := s.List(ctx, nil, math.MaxInt32); err != nil {
			return nil, err
		}
	}
	line := s.line
	s.line = nil
	line.conn.allow(responseHeadBytes + framedBytes(max))
	content, err := encodeRequest(req, true)
	if err == nil {
		_, err = line.stdin.Write(content.Bytes())
	}
	if err == nil {
		err = line.stdin.Close()
	}
	if err != nil {
		line.close()
		return nil, fmt.Errorf("send pack request: %w", err)
	}
	return decodePack(line, req, max)
}

func (s *sshSession) Close() {
	if s.line == nil {
		return
	}
	_, _ = s.line.stdin.Write([]byte("0000")) // a flush instead of wants ends the command in peace
	s.line.close()
	s.line = nil
}

// connect starts upload-pack on the server. The connection ends with ctx.
func (s *sshSession) connect(ctx context.Context) (*sshLine, error) {
	config, err := s.config()
	if err != nil {
		return nil, err
	}
	conn, err := s.client.dialer.DialContext(ctx, "tcp", s.endpoint.address())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	line := &sshLine{conn: &meteredConn{Conn: conn}, stderr: &headBuffer{max: stderrBytes}}
	line.conn.allow(handshakeBytes + advertisementBytes)
	line.release = context.AfterFunc(ctx, func() { _ = conn.Close() })
	if err := line.start(s, config); err != nil {
		line.close()
		return nil, err
	}
	return line, nil
}

func (l *sshLine) start(s *sshSession, config *ssh.ClientConfig) error {
	_ = l.conn.SetDeadline(time.Now().Add(handshakeTimeout))
	c, channels, requests, err := ssh.NewClientConn(l.conn, s.endpoint.address(), config)
	if err != nil {
		return fmt.Errorf("open ssh connection: %w", err)
	}
	_ = l.conn.SetDeadline(time.Time{})
	l.client = ssh.NewClient(c, channels, requests)
	if l.session, err = l.client.NewSession(); err != nil {
		return fmt.Errorf("open ssh session: %w", err)
	}
	if l.stdin, err = l.session.StdinPipe(); err != nil {
		return fmt.Errorf("open ssh input: %w", err)
	}
	stdout, err := l.session.StdoutPipe()
	if err != nil {
		return fmt.Errorf("open ssh output: %w", err)
	}
	l.session.Stderr = l.stderr
	l.stdout = watch(io.NopCloser(stdout), s.client.idle, func(error) { _ = l.conn.Close() })
	if err := l.session.Start(uploadPack + " '" + s.endpoint.path + "'"); err != nil {
		return fmt.Errorf("start %s: %w", uploadPack, err)
	}
	return nil
}

// Read and Close make a line the body of a pack response.
func (l *sshLine) Read(p []byte) (int, error) {
	n, err := l.stdout.Read(p)
	if err != nil && l.conn.left.Load() <= 0 {
		err = git.ErrTooLarge // the ssh client calls it the end
	}
	return n, err
}

// Close ends the connection.
func (l *sshLine) Close() error {
	l.close()
	return nil
}

func (l *sshLine) close() {
	l.release()
	if l.stdout != nil {
		l.stdout.timer.Stop()
	}
	if l.client != nil {
		_ = l.client.Close()
	}
	_ = l.conn.Close()
	if l.session != nil {
		_ = l.session.Wait() // the goroutines that copy output end with the connection
	}
}

// complaint turns what the server wrote on stderr into an error of ours; its
// words are not repeated.
func (l *sshLine) complaint(err error) error {
	text := strings.ToLower(l.stderr.String())
	for _, phrase := range []string{"not found", "does not exist", "not appear to be a git repository", "could not be found"} {
		if strings.Contains(text, phrase) {
			return errNoRepository
		}
	}
	for _, phrase := range []string{"denied", "not allowed", "unauthorized"} {
		if strings.Contains(text, phrase) {
			return errRefused
		}
	}
	return err
}
