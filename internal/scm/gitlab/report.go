package gitlab

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	api "gitlab.com/gitlab-org/api/client-go/v2"
	"golang.org/x/time/rate"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/scm"
)

// publicAPI is where gitlab.com answers.
const publicAPI = "https://gitlab.com/api/v4/"

// Reporter reports to GitLab. Make one per credentials and keep it. It shows
// no annotations: GitLab has no way to replace those of an earlier try.
type Reporter struct {
	client *api.Client
	now    func() time.Time

	mu   sync.Mutex
	self int64 // our user's id; 0 until asked
}

// NewReporter returns a Reporter for what the access opens.
func NewReporter(access scm.Access) (*Reporter, error) {
	base, err := access.Base(publicAPI)
	if err != nil {
		return nil, err
	}
	if access.App != nil {
		return nil, fault.New(fault.Invalid, "GitLab has no Apps like GitHub's; give the repository a token")
	}
	client, err := api.NewClient(access.Token,
		api.WithBaseURL(base.String()), api.WithHTTPClient(access.Client()),
		api.WithoutRetries(), api.WithCustomLimiter(rate.NewLimiter(rate.Inf, 0)), // the caller waits and retries
		api.WithURLWarningLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, fault.New(fault.Invalid, "the API's URL at %s can't be used", base.Host)
	}
	return &Reporter{client: client, now: access.Clock()}, nil
}

// SetStatus sets the status of a commit under its context.
func (r *Reporter) SetStatus(ctx context.Context, s scm.Status) error {
	const operation = "set the commit status"
	repository, err := checked(s.Repository)
	if err != nil {
		return err
	}
	commit, err := scm.FullCommit(operation, s.Commit)
	if err != nil {
		return err
	}
	description := scm.Describe(s.Description, scm.MaxDescription)
	options := &api.SetCommitStatusOptions{State: stateFor(s.State), Name: &s.Context, Description: &description}
	if s.URL != "" {
		options.TargetURL = &s.URL
	}
	_, resp, err := r.client.Commits.SetCommitStatus(repository, commit, options, api.WithContext(ctx))
	if s.State == scm.StatePending && transition(err) {
		return nil // it runs already
	}
	return r.coded(operation, resp, err)
}

// transition reports whether GitLab refused a state because it is set.
func transition(err error) bool {
	var refused *api.ErrorResponse
	return errors.As(err, &refused) && refused.StatusCode == http.StatusBadRequest &&
		strings.Contains(refused.Message, "Cannot transition status")
}

func stateFor(state scm.State) api.BuildStateValue {
	switch state {
	case scm.StatePending:
		return api.Running
	case scm.StateSuccess:
		return api.Success
	}
	return api.Failed
}

// coded translates the client's errors. GitLab's own text isn't passed on.
func (r *Reporter) coded(operation string, resp *api.Response, err error) error {
	switch {
	case err == nil:
		return nil
	case resp != nil && resp.Response != nil && resp.StatusCode >= http.StatusMultipleChoices:
		return scm.Refused(operation, resp.Response, r.now())
	}
	return scm.Unreached(operation, err)
}

func checked(repository string) (string, error) {
	path, err := scm.Repository(repository)
	if err != nil {
		return "", fault.New(fault.Invalid, "a repository at GitLab is group/name, not %q", printable.Clip(repository, 300))
	}
	return path, nil
}
