package gitea

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	api "code.gitea.io/sdk/gitea"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/scm"
)

// publicAPI is where gitea.com answers; everyone else names their own.
const publicAPI = "https://gitea.com/"

// Reporter reports to Gitea or Forgejo. They keep no record of deployments and
// show no annotations: the status and the comment have to do.
type Reporter struct {
	base  string
	token string
	http  *http.Client
	now   func() time.Time

	mu   sync.Mutex
	self int64 // our user's id; 0 until asked
}

// NewReporter returns a Reporter for what the access opens. Its API is the
// address of the forge, with or without /api/v1.
func NewReporter(access scm.Access) (*Reporter, error) {
	base, err := access.Base(publicAPI)
	if err != nil {
		return nil, err
	}
	if access.App != nil {
		return nil, fault.New(fault.Invalid, "Gitea has no Apps like GitHub's; give the repository a token")
	}
	address := strings.TrimSuffix(strings.TrimSuffix(base.String(), "/"), "/api/v1")
	return &Reporter{base: address, token: access.Token, http: access.Client(), now: access.Clock()}, nil
}

// client returns a client for one operation: the SDK keeps the context in it.
// No version is asked for, since Forgejo's has nothing to do with Gitea's.
func (r *Reporter) client(ctx context.Context) (*api.Client, error) {
	client, err := api.NewClient(r.base,
		api.SetGiteaVersion(""), api.SetContext(ctx), api.SetHTTPClient(r.http), api.SetToken(r.token))
	if err != nil {
		return nil, fault.New(fault.Internal, "a client for the forge's API can't be made")
	}
	return client, nil
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
	client, err := r.client(ctx)
	if err != nil {
		return err
	}
	_, resp, err := client.CreateStatus(owner, name, commit, api.CreateStatusOption{
		State: api.StatusState(s.State), Context: s.Context, TargetURL: s.URL,
		Description: scm.Describe(s.Description, scm.MaxDescription),
	})
	return r.coded(operation, resp, err)
}

// coded translates the SDK's errors. The forge's own text isn't passed on.
func (r *Reporter) coded(operation string, resp *api.Response, err error) error {
	switch {
	case err == nil:
		return nil
	case resp != nil && resp.Response != nil && resp.StatusCode >= http.StatusMultipleChoices:
		return scm.Refused(operation, resp.Response, r.now())
	}
	return scm.Unreached(operation, err)
}

// split returns the two parts of a repository's path.
func split(repository string) (owner, name string, err error) {
	checked, err := scm.Repository(repository)
	if err != nil || strings.Count(checked, "/") != 1 {
		return "", "", fault.New(fault.Invalid, "a repository at Gitea is owner/name, not %q", printable.Clip(repository, 300))
	}
	owner, name, _ = strings.Cut(checked, "/")
	return owner, name, nil
}
