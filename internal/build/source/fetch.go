package source

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Attempts of a fetch while the server is away, and the wait before the
// second; each further wait is twice as long.
const (
	fetchAttempts = 6
	firstWait     = 500 * time.Millisecond
)

// Fetch writes the context that token opens at a URL into the existing
// directory dir, which is emptied first. It tries again while the server is
// unavailable, and follows no redirect. Zero limits mean the defaults. No
// error holds the token.
func Fetch(ctx context.Context, raw, token, dir string, limits Limits) error {
	where, err := url.Parse(raw)
	if err != nil {
		return fault.New(fault.Invalid, "the URL of the build context is not valid; correct the server's URL for builds")
	}
	fetch := newFetcher(where, token, limits)
	defer fetch.client.CloseIdleConnections()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "open directory %s for the build context", dir)
	}
	defer root.Close()
	return fetch.persist(ctx, root, firstWait)
}

type fetcher struct {
	client *http.Client
	url    string
	token  string
	limits Limits
}

func newFetcher(where *url.URL, token string, limits Limits) *fetcher {
	transport := dial.Only(where).Transport() // the server is in or next to the cluster: no proxy
	transport.ResponseHeaderTimeout = time.Minute
	return &fetcher{
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		url:    where.String(),
		token:  strings.TrimSpace(token),
		limits: limits.withDefaults(),
	}
}

// persist fetches until it works, can't work, or has been tried often enough.
func (f *fetcher) persist(ctx context.Context, root *os.Root, wait time.Duration) error {
	for attempt := 1; ; attempt++ {
		err := f.once(ctx, root)
		if fault.CodeOf(err) != fault.Unavailable || attempt == fetchAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
			wait *= 2
		}
	}
}

func (f *fetcher) once(ctx context.Context, root *os.Root) error {
	if err := empty(root); err != nil {
		return fault.Wrap(fault.Internal, err, "empty the directory for the build context")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "ask for the build context")
	}
	request.Header.Set("Authorization", "Bearer "+f.token)
	response, err := f.client.Do(request)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the build context could not be fetched from the Slipway server; check that build pods may reach it")
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return refused(response)
	}
	if got := response.Header.Get("Content-Type"); got != mediaType {
		return fault.New(fault.Invalid, "what answers at the URL of the build context is not Slipway; correct the server's URL for builds")
	}
	alarm := time.AfterFunc(f.limits.Stall, cancel)
	defer alarm.Stop()
	return extract(&watchedReader{next: response.Body, alarm: alarm, stall: f.limits.Stall}, root, f.limits)
}

// watchedReader puts off an alarm whenever something arrives.
type watchedReader struct {
	next  io.Reader
	alarm *time.Timer
	stall time.Duration
}

// Read reads and puts off the alarm.
func (w *watchedReader) Read(p []byte) (int, error) {
	n, err := w.next.Read(p)
	w.alarm.Reset(w.stall)
	return n, err
}

// refused turns an answer that isn't a context into an error.
func refused(response *http.Response) error {
	var body refusal
	data, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil || json.Unmarshal(data, &body) != nil {
		body.Error = http.StatusText(response.StatusCode)
	}
	code := fault.Invalid
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		code = fault.Denied
	case status == http.StatusNotFound:
		code = fault.NotFound
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		code = fault.Unavailable
	}
	return fault.New(code, "the Slipway server refused the build context with %d: %s", response.StatusCode, body.Error)
}

// empty removes everything in root.
func empty(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	var failed error
	for _, entry := range entries {
		failed = errors.Join(failed, root.RemoveAll(entry.Name()))
	}
	return failed
}
