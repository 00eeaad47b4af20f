package github

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	api "github.com/google/go-github/v62/github"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// publicAPI is where github.com answers.
const publicAPI = "https://api.github.com/"

// Reporter reports to GitHub. Make one per credentials and keep it: it
// remembers until when GitHub limits the rate of calls, and spares them. It
// implements every interface of package scm for reporting.
type Reporter struct {
	client *api.Client
	app    *api.Client               // speaks as the App itself; nil with a token
	lent   *ghinstallation.Transport // of the installation; nil with a token
	now    func() time.Time

	mu    sync.Mutex
	login string // who we are; empty until asked
}

// NewReporter returns a Reporter for what the access opens.
func NewReporter(access scm.Access) (*Reporter, error) {
	base, err := access.Base(publicAPI)
	if err != nil {
		return nil, err
	}
	r := &Reporter{now: access.Clock()}
	plain := access.Client()
	r.client = api.NewClient(plain)
	if access.App != nil {
		if err := r.speakAsApp(plain, *access.App, strings.TrimSuffix(base.String(), "/")); err != nil {
			return nil, err
		}
		r.app.BaseURL = base
	} else if access.Token != "" {
		r.client = api.NewClient(plain).WithAuthToken(access.Token)
	}
	r.client.BaseURL = base
	return r, nil
}

// speakAsApp makes a client for the installation and one for the App. Each has
// a transport of its own, because an installation's writes to its App's.
func (r *Reporter) speakAsApp(plain *http.Client, app scm.App, base string) error {
	transports := make([]*ghinstallation.AppsTransport, 2)
	for i := range transports {
		transport, err := ghinstallation.NewAppsTransport(plain.Transport, app.ID, app.PrivateKey)
		if err != nil {
			return fault.New(fault.Invalid, "the private key of %s is not a PEM-encoded RSA key; use the one that GitHub generated", app)
		}
		transport.BaseURL = base
		transports[i] = transport
	}
	r.lent = ghinstallation.NewFromAppsTransport(transports[0], app.Installation)
	r.lent.BaseURL = base
	through := func(transport http.RoundTripper) *api.Client {
		speaking := *plain
		speaking.Transport = transport
		return api.NewClient(&speaking)
	}
	r.client, r.app = through(r.lent), through(transports[1])
	return nil
}

// GitCredentials lends the installation's token, which is renewed a minute
// before it ends. A Reporter with a token of its own has nothing to lend.
func (r *Reporter) GitCredentials(ctx context.Context) (username, password string, err error) {
	const operation = "get an installation token for git"
	if r.lent == nil {
		return "", "", fault.New(fault.Invalid, "%s: the credentials are not those of a GitHub App", operation)
	}
	token, err := r.lent.Token(ctx)
	if err != nil {
		return "", "", r.coded(operation, err)
	}
	return "x-access-token", token, nil
}

// SetStatus sets the status of a commit under its context.
func (r *Reporter) SetStatus(ctx context.Context, s scm.Status) error {
	const operation = "set the commit status"
	owner, name, err := split(s.Repository)
	if err != nil {
		return err
	}
	commit, err := scm.FullCommit(operation, s.Commit)
	if err != nil {
		return err
	}
	status := &api.RepoStatus{
		State:       api.String(string(s.State)),
		Context:     api.String(s.Context),
		Description: api.String(scm.Describe(s.Description, scm.MaxDescription)),
	}
	if s.URL != "" {
		status.TargetURL = api.String(s.URL)
	}
	_, _, err = r.client.Repositories.CreateStatus(ctx, owner, name, commit, status)
	return r.coded(operation, err)
}

// coded translates go-github's errors. What GitHub wrote in an answer isn't
// passed on, except why it refused the request.
func (r *Reporter) coded(operation string, err error) error {
	var (
		limited   *api.RateLimitError
		secondary *api.AbuseRateLimitError
		refused   *api.ErrorResponse
		login     *ghinstallation.HTTPError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &limited):
		return scm.Limited(operation, limited.Rate.Reset.Sub(r.now()))
	case errors.As(err, &secondary):
		return scm.Limited(operation, secondary.GetRetryAfter())
	case errors.As(err, &refused):
		return scm.Refused(operation, refused.Response, r.now())
	case errors.As(err, &login) && login.Response != nil:
		_ = login.Response.Body.Close() // ghinstallation leaves it open
		return scm.Refused(operation+": get an installation token", login.Response, r.now())
	}
	return scm.Unreached(operation, err)
}

// split returns the two parts of a repository's path.
func split(repository string) (owner, name string, err error) {
	checked, err := scm.Repository(repository)
	if err != nil || strings.Count(checked, "/") != 1 {
		return "", "", fault.New(fault.Invalid, "a repository at GitHub is owner/name, not %q", repository)
	}
	owner, name, _ = strings.Cut(checked, "/")
	return owner, name, nil
}
