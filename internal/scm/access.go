package scm

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Access is how a forge's API is reached.
type Access struct {
	// API is the base URL of the REST API; empty means the public one.
	API string
	// Token is a bearer token; empty with no App means anonymous.
	Token string
	// App is a GitHub App's installation, used instead of a token.
	App *App
	// AllowHTTP permits a base URL without TLS.
	AllowHTTP bool
	// Transport carries the requests; with nil none is sent.
	Transport http.RoundTripper
	// Now is the clock that rate limits are read against; nil means time.Now.
	Now func() time.Time
}

// App is one installation of a GitHub App.
type App struct {
	ID, Installation int64
	PrivateKey       []byte // PEM
}

// With returns the access with credentials as a project's Secret holds them: a
// token, or an App by app-id, installation-id and private-key, of which the App
// counts. With neither it is anonymous.
func (a Access) With(data map[string][]byte) (Access, error) {
	a.Token, a.App = string(data["token"]), nil
	if len(data["private-key"]) == 0 {
		return a, nil
	}
	id, errID := strconv.ParseInt(string(data["app-id"]), 10, 64)
	installation, errInstallation := strconv.ParseInt(string(data["installation-id"]), 10, 64)
	if errID != nil || errInstallation != nil {
		return a, fault.New(fault.Invalid, "a GitHub App needs the keys app-id and installation-id, both numbers, next to private-key")
	}
	a.App = &App{ID: id, Installation: installation, PrivateKey: data["private-key"]}
	return a, nil
}

// String names the API and gives no credential away.
func (a Access) String() string { return fmt.Sprintf("access to %q", a.API) }

// GoString is String, for %#v.
func (a Access) GoString() string { return a.String() }

// LogValue is String, for slog.
func (a Access) LogValue() slog.Value { return slog.StringValue(a.String()) }

// MarshalJSON is String, for anything that would write an Access down.
func (a Access) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", a.String()), nil }

// String gives no credential away.
func (a App) String() string {
	return fmt.Sprintf("app %d, installation %d", a.ID, a.Installation)
}

// GoString is String, for %#v.
func (a App) GoString() string { return a.String() }

// Base returns the parsed base URL of the API, which ends in a slash, or of
// the public one.
func (a Access) Base(public string) (*url.URL, error) {
	raw := a.API
	if raw == "" {
		raw = public
	}
	base, err := url.Parse(raw)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fault.New(fault.Invalid, "the API's URL must be https://host/path, with no user, query or fragment")
	}
	if base.Scheme != "https" && (base.Scheme != "http" || !a.AllowHTTP) {
		return nil, fault.New(fault.Invalid, "the API's URL at %s must be https; http works only where the server allows it", base.Host)
	}
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	return base, nil
}

// Clock returns the clock.
func (a Access) Clock() func() time.Time {
	if a.Now == nil {
		return time.Now
	}
	return a.Now
}

// Client returns a client for one forge with limits on time and bytes, which
// keeps the rate that the forge asks for. It follows no redirect to another
// host or scheme: credentials go along with every request.
func (a Access) Client() *http.Client {
	transport := a.Transport
	if transport == nil {
		transport = noTransport{}
	}
	return &http.Client{Transport: &pacedTransport{next: Bounded(transport), now: a.Clock()}, CheckRedirect: sameHost}
}

// noTransport sends nothing: which addresses may be reached is for the caller to
// say.
type noTransport struct{}

// RoundTrip refuses the call.
func (noTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	return nil, fault.New(fault.Internal, "no transport to %s was given", req.URL.Host)
}

func sameHost(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if len(before) >= 5 {
		return fault.New(fault.Unavailable, "%s redirects in circles", first.Host)
	}
	if next.URL.Host != first.Host || next.URL.Scheme != first.Scheme {
		return fault.New(fault.Denied, "%s redirects to another host, which is not followed; set the API's URL to its new address", first.Host)
	}
	return nil
}
