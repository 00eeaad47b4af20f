package bitbucket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// publicAPI is where the Cloud answers.
const publicAPI = "https://api.bitbucket.org/2.0/"

// maxPages bounds how far a list is followed, a hundred entries a page.
const maxPages = 50

// Reporter reports to Bitbucket. Neither of the two lets others than its own
// pipelines record deployments.
type Reporter struct {
	rest rest
	forge
}

// forge is what the Cloud and the Data Center do in their own ways.
type forge interface {
	setStatus(ctx context.Context, operation string, s scm.Status) error
	notes(ctx context.Context, operation string, n scm.Comment) (own *comment, err error)
	writeNote(ctx context.Context, operation string, n scm.Comment, own *comment) error
	hooks
	reading
}

// hooks is what the Cloud and the Data Center do with webhooks.
type hooks interface {
	listHooks(ctx context.Context, operation, repository string) ([]scm.Hook, error)
	createHook(ctx context.Context, operation, repository string, h scm.Hook) (scm.Hook, error)
	updateHook(ctx context.Context, operation, repository string, h scm.Hook) error
	deleteHook(ctx context.Context, operation, repository, id string) error
}

// comment is a comment under a pull request.
type comment struct {
	id      string
	version int // the Data Center's, against lost edits
	text    string
}

// NewReporter returns a Reporter for what the access opens: the Cloud where
// the API's path ends in /2.0, else a Data Center, whose API is its address
// with or without /rest.
func NewReporter(access scm.Access) (*Reporter, error) {
	base, err := access.Base(publicAPI)
	if err != nil {
		return nil, err
	}
	if access.App != nil {
		return nil, fault.New(fault.Invalid, "Bitbucket has no Apps like GitHub's; give the repository a token")
	}
	r := &Reporter{rest: rest{base: base, token: access.Token, http: access.Client(), now: access.Clock()}}
	if strings.HasSuffix(base.Path, "/2.0/") {
		r.forge = &cloudForge{rest: &r.rest}
		return r, nil
	}
	base.Path = strings.TrimSuffix(base.Path, "rest/") + "rest/api/latest/"
	r.forge = &centerForge{rest: &r.rest}
	return r, nil
}

// SetStatus sets the status of a commit under its context.
func (r *Reporter) SetStatus(ctx context.Context, s scm.Status) error {
	const operation = "set the commit status"
	if _, _, err := split(s.Repository); err != nil {
		return err
	}
	if _, err := scm.FullCommit(operation, s.Commit); err != nil {
		return err
	}
	return r.setStatus(ctx, operation, s)
}

// SetComment writes or edits Slipway's one comment of a topic.
func (r *Reporter) SetComment(ctx context.Context, n scm.Comment) error {
	const operation = "write the pull request's comment"
	if _, _, err := split(n.Repository); err != nil {
		return err
	}
	own, err := r.notes(ctx, operation, n)
	if err != nil {
		return err
	}
	if own != nil && own.text == n.Mark() {
		return nil
	}
	return r.writeNote(ctx, operation, n, own)
}

// ListHooks returns the repository's hooks.
func (r *Reporter) ListHooks(ctx context.Context, repository string) ([]scm.Hook, error) {
	if _, _, err := split(repository); err != nil {
		return nil, err
	}
	return r.listHooks(ctx, "list the hooks", repository)
}

// CreateHook makes a hook.
func (r *Reporter) CreateHook(ctx context.Context, repository string, h scm.Hook) (scm.Hook, error) {
	if err := checkHook(repository, h); err != nil {
		return scm.Hook{}, err
	}
	return r.createHook(ctx, "make the hook", repository, h)
}

// UpdateHook makes the hook as h says.
func (r *Reporter) UpdateHook(ctx context.Context, repository string, h scm.Hook) error {
	if err := checkHook(repository, h); err != nil {
		return err
	}
	if err := checkID(h.ID); err != nil {
		return err
	}
	return r.updateHook(ctx, "change the hook", repository, h)
}

// DeleteHook removes a hook.
func (r *Reporter) DeleteHook(ctx context.Context, repository, id string) error {
	if _, _, err := split(repository); err != nil {
		return err
	}
	if err := checkID(id); err != nil {
		return err
	}
	err := r.deleteHook(ctx, "delete the hook", repository, id)
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}

func checkHook(repository string, h scm.Hook) error {
	if _, _, err := split(repository); err != nil {
		return err
	}
	return h.Check()
}

// checkID refuses what can't be a hook's id: a number, or a UUID in braces.
func checkID(id string) error {
	if id == "" || strings.Trim(id, "{}-0123456789abcdefABCDEF") != "" {
		return fault.New(fault.Invalid, "%q is no id of a hook", scm.Bound(id, 64))
	}
	return nil
}

// split returns the two parts of a repository's path.
func split(repository string) (owner, name string, err error) {
	checked, err := scm.Repository(repository)
	if err != nil || strings.Count(checked, "/") != 1 {
		return "", "", fault.New(fault.Invalid, "a repository at Bitbucket is workspace/name or project/name, not %q", scm.Bound(repository, 300))
	}
	owner, name, _ = strings.Cut(checked, "/")
	return owner, name, nil
}

// maxKey is the Cloud's limit of a status's key.
const maxKey = 40

// build is a status, which both forges take in the same words but one.
type build struct {
	Key         string `json:"key"`
	State       string `json:"state"`
	Name        string `json:"name"`
	Description string `json:"description"`
	URL         string `json:"url"`
}

// newBuild returns the status; a context that is too long for a key becomes
// one by its hash. Both want a link, so there is always one.
func newBuild(s scm.Status, page string) build {
	b := build{
		Key: s.Context, State: "FAILED", Name: s.Context, URL: s.URL,
		Description: scm.Describe(s.Description, scm.MaxDescription),
	}
	if len(b.Key) > maxKey {
		sum := sha256.Sum256([]byte(s.Context))
		b.Key = scm.Context(hex.EncodeToString(sum[:12]))
	}
	if b.URL == "" {
		b.URL = page
	}
	switch s.State {
	case scm.StatePending:
		b.State = "INPROGRESS"
	case scm.StateSuccess:
		b.State = "SUCCESSFUL"
	}
	return b
}
