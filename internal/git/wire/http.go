package wire

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"

	"github.com/slipway-dev/slipway/internal/git"
)

const (
	infoRefs     = "/info/refs"
	uploadPack   = "git-upload-pack"
	maxRedirects = 3
	userAgent    = "git/2.0 (slipway)"
)

// statusError is an answer other than 200.
type statusError struct {
	code    int
	limited bool // the server asks to come back later
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d", e.code) }

// redirectError is a redirect that is not followed.
type redirectError struct{ from, to string }

func (e *redirectError) Error() string {
	return fmt.Sprintf("redirect from %s to %s refused", e.from, e.to)
}

// httpSession speaks smart HTTP, protocol version 0.
type httpSession struct {
	client      *http.Client
	base        *url.URL // moves with a redirect inside the same host
	credentials git.Credentials
	idle        time.Duration
	listTime    time.Duration
}

func newHTTPSession(c *Client, e Endpoint, credentials git.Credentials, transport *http.Transport) *httpSession {
	return &httpSession{
		client:      &http.Client{Transport: transport, CheckRedirect: checkRedirect},
		base:        &url.URL{Scheme: e.scheme, Host: e.host, Path: e.path},
		credentials: credentials,
		idle:        c.idle,
		listTime:    c.listTime,
	}
}

// checkRedirect follows a redirect of the first request inside the same
// origin: forges answer so when a repository was renamed.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	same := req.URL.Scheme == first.URL.Scheme && strings.EqualFold(req.URL.Host, first.URL.Host)
	if !same || first.Method != http.MethodGet || len(via) > maxRedirects || !strings.HasSuffix(req.URL.Path, infoRefs) {
		return &redirectError{from: first.URL.Host, to: req.URL.Host}
	}
	return nil
}

func (s *httpSession) List(ctx context.Context, patterns []string, limit int) (*Listing, error) {
	ctx, cancel := context.WithTimeout(ctx, s.listTime)
	defer cancel()
	u := *s.base
	u.Path += infoRefs
	u.RawQuery = "service=" + uploadPack
	body, final, err := s.do(ctx, http.MethodGet, &u, nil, "advertisement")
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	s.base.Path = strings.TrimSuffix(final.Path, infoRefs)
	return readListing(body, patterns, limit)
}

func (s *httpSession) Pack(ctx context.Context, req *packp.UploadPackRequest, max int64) (*packp.UploadPackResponse, error) {
	content, err := encodeRequest(req, false)
	if err != nil {
		return nil, err
	}
	u := *s.base
	u.Path += "/" + uploadPack
	body, _, err := s.do(ctx, http.MethodPost, &u, content, "result")
	if err != nil {
		return nil, err
	}
	return decodePack(body, req, max)
}

func (s *httpSession) Close() {}

// do sends one request and returns the body of a 200 with the expected type,
// and the URL that answered.
func (s *httpSession) do(ctx context.Context, method string, u *url.URL, content io.Reader, kind string) (io.ReadCloser, *url.URL, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		cancel(nil)
		return nil, nil, fmt.Errorf("make request: %w", err)
	}
	s.decorate(req)
	resp, err := s.client.Do(req) //nolint:bodyclose // closed by the watchdog around it
	if err != nil {
		cancel(nil)
		return nil, nil, fmt.Errorf("send request: %w", err)
	}
	body := watch(resp.Body, s.idle, cancel)
	if err := checkAnswer(resp, "application/x-"+uploadPack+"-"+kind); err != nil {
		_ = body.Close()
		return nil, nil, err
	}
	return body, resp.Request.URL, nil
}

func (s *httpSession) decorate(req *http.Request) {
	req.Header.Set("User-Agent", userAgent)
	if req.Method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-"+uploadPack+"-request")
		req.Header.Set("Accept", "application/x-"+uploadPack+"-result")
	}
	if s.credentials.Token == "" {
		return
	}
	name := s.credentials.Username
	if name == "" {
		name = "x-access-token"
	}
	req.SetBasicAuth(name, s.credentials.Token)
}

// checkAnswer refuses everything but a smart HTTP answer. The body of a
// refusal is not read: it belongs to the server and may hold anything.
func checkAnswer(resp *http.Response, contentType string) error {
	if resp.StatusCode != http.StatusOK {
		limited := resp.Header.Get("Retry-After") != "" || resp.Header.Get("X-RateLimit-Remaining") == "0"
		return &statusError{code: resp.StatusCode, limited: limited}
	}
	if got, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); strings.TrimSpace(got) != contentType {
		return errNotGit
	}
	return nil
}
