package bitbucket

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// rest makes JSON calls to one API.
type rest struct {
	base  *url.URL // ends in a slash
	token string
	http  *http.Client
	now   func() time.Time
}

// read returns the bytes of an answer as they are.
func (r *rest) read(ctx context.Context, operation, path string) ([]byte, error) {
	resp, err := r.send(ctx, operation, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body) // bounded by the client
	if err != nil {
		return nil, scm.Unreached(operation, err)
	}
	return text, nil
}

// call sends in, unless it is nil, and reads the answer into out, unless that
// is nil. The path is relative to the base, its segments escaped; a whole URL
// must be below the base. It returns the answer's headers.
func (r *rest) call(ctx context.Context, operation, method, path string, in, out any) (http.Header, error) {
	resp, err := r.send(ctx, operation, method, path, in)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if out == nil {
		return resp.Header, nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return nil, scm.Unreached(operation, err)
	}
	return resp.Header, nil
}

// send sends a request as call does, and returns an answer that is no refusal.
func (r *rest) send(ctx context.Context, operation, method, path string, in any) (*http.Response, error) {
	target, err := r.resolve(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s: the request's path is not valid for the forge's API", operation)
	}
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "%s: write the request", operation)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fault.New(fault.Internal, "%s: the request can't be made", operation)
	}
	req.Header.Set("Accept", "application/json")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, scm.Unreached(operation, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		defer resp.Body.Close()
		return nil, scm.Refused(operation, resp, r.now())
	}
	return resp, nil
}

// resolve returns the URL of a path. A page's link to the next one comes from
// the forge, and must not lead credentials elsewhere.
func (r *rest) resolve(path string) (string, error) {
	target, err := r.base.Parse(path)
	if err != nil {
		return "", err
	}
	if target.Scheme != r.base.Scheme || target.Host != r.base.Host || !strings.HasPrefix(target.EscapedPath(), r.base.EscapedPath()) {
		return "", fault.New(fault.Invalid, "the link leads away from %s", r.base.Host)
	}
	return target.String(), nil
}

// in joins escaped segments to a path.
func in(segments ...string) string {
	for i, segment := range segments {
		segments[i] = url.PathEscape(segment)
	}
	return strings.Join(segments, "/")
}
