package scm

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
)

// retryable is the part of an error that says when to come back.
type retryable struct {
	error
	after time.Duration
}

// Unwrap returns the error without the time.
func (w retryable) Unwrap() error { return w.error }

// RetryAfter returns how long the forge asked to wait, and whether it did.
func RetryAfter(err error) (time.Duration, bool) {
	var w retryable
	if errors.As(err, &w) {
		return w.after, true
	}
	return 0, false
}

// maxWait bounds what a forge can make us wait for.
const maxWait = time.Hour

// Limited returns the error of a call that a forge refused for the rate of
// calls, to be repeated after a while.
func Limited(operation string, after time.Duration) error {
	after = min(max(after, time.Second), maxWait)
	return retryable{fault.New(fault.Unavailable, "%s: the forge limits the rate of calls; Slipway tries again in %s", operation, after.Round(time.Second)), after}
}

// Unreached codes the error of a call that had no answer, or none that could be
// read.
func Unreached(operation string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	var where *url.Error
	answered := !errors.As(err, &where)
	if !answered {
		err = where.Err // without the URL, whose query may hold a token
	}
	var coded *fault.Error
	if errors.As(err, &coded) {
		return fault.Wrap(coded.Code, err, "%s: %s", operation, coded.Message)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fault.New(fault.Unavailable, "%s: the forge's API didn't answer in time; Slipway tries again", operation)
	}
	if why := dial.Untrusted(err); why != "" {
		return fault.Wrap(fault.Unavailable, err, "%s: the certificate of the forge's API is not trusted: %s; give its authority as ca of the repository in the Project", operation, printable.Excerpt(why, 200))
	}
	if answered {
		return fault.New(fault.Unavailable, "%s: the answer is not that of the forge's API; check its URL", operation)
	}
	return fault.Wrap(fault.Unavailable, err, "%s: the forge's API can't be reached; check its URL and the network", operation)
}

// Refused codes an answer other than success; now is the time that its rate
// limit's reset is compared with.
func Refused(operation string, resp *http.Response, now time.Time) error {
	if after, limited := rateLimit(resp, now); limited {
		return Limited(operation, after)
	}
	switch code := resp.StatusCode; {
	case code == http.StatusUnauthorized:
		return fault.New(fault.Denied, "%s: the forge rejected the credentials (401); renew the token", operation)
	case code == http.StatusForbidden:
		return fault.New(fault.Denied, "%s: the credentials lack permission for this (403); give the token the scope it needs", operation)
	case code == http.StatusNotFound || code == http.StatusGone:
		return fault.New(fault.NotFound, "%s: the forge doesn't have it, or hides it from these credentials (%d)", operation, code)
	case code == http.StatusConflict:
		return fault.New(fault.Conflict, "%s: the forge reports a conflict with the present state (409)", operation)
	case code == http.StatusRequestTimeout || code >= http.StatusInternalServerError:
		return fault.New(fault.Unavailable, "%s: the forge reports an error of its own (%d); Slipway tries again", operation, code)
	}
	return fault.New(fault.Invalid, "%s: the forge rejected the request (%d)", operation, resp.StatusCode)
}

// rateLimit reads how long to wait from an answer that limits the rate: 429, a
// Retry-After, or GitHub's 403 with nothing remaining.
func rateLimit(resp *http.Response, now time.Time) (time.Duration, bool) {
	const unknown = time.Minute
	refused := resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusForbidden ||
		resp.StatusCode == http.StatusServiceUnavailable
	if !refused {
		return 0, false
	}
	if value := resp.Header.Get("Retry-After"); value != "" {
		if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
			return time.Duration(min(seconds, int(maxWait.Seconds()))) * time.Second, true
		}
		if at, err := http.ParseTime(value); err == nil {
			return at.Sub(now), true
		}
	}
	for _, prefix := range []string{"X-RateLimit-", "RateLimit-"} {
		reset, err := strconv.ParseInt(resp.Header.Get(prefix+"Reset"), 10, 64)
		if err == nil && resp.Header.Get(prefix+"Remaining") == "0" {
			return time.Unix(reset, 0).Sub(now), true
		}
	}
	return unknown, resp.StatusCode == http.StatusTooManyRequests
}
