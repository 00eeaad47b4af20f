package leader

import (
	"context"
	"io"
	"net/http"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Fence returns a transport that sends requests which change something only while
// this replica leads, and gives them up when it may not any more. It is for
// rest.Config.Wrap.
//
// What the API server has taken by then it may still do. The version that such a
// request asks for decides there: of stages, inventories and bundles each does.
func (l *Lock) Fence(next http.RoundTripper) http.RoundTripper {
	return fence{lock: l, next: next}
}

type fence struct {
	lock *Lock
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (f fence) RoundTrip(r *http.Request) (*http.Response, error) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return f.next.RoundTrip(r)
	}
	left := f.lock.left()
	if left <= 0 {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, fault.New(fault.Unavailable, "this replica does not lead any more, so it does not send %s %s; the one that leads goes on", r.Method, r.URL.Path)
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), left, fault.New(fault.Unavailable, "this replica stopped leading while it sent %s %s", r.Method, r.URL.Path))
	answer, err := f.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	answer.Body = body{answer.Body, cancel}
	return answer, nil
}

// body ends the time limit of a request with its answer.
type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (b body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}
