package bitbucket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
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
	findComment(ctx context.Context, operation string, n scm.Comment) (own *comment, err error)
	writeComment(ctx context.Context, operation string, n scm.Comment, own *comment) error
	hooks
	reading
	reviewing
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

// split returns the two parts of a repository's path.
func split(repository string) (owner, name string, err error) {
	checked, err := scm.Repository(repository)
	if err != nil || strings.Count(checked, "/") != 1 {
		return "", "", fault.New(fault.Invalid, "a repository at Bitbucket is workspace/name or project/name, not %q", printable.Clip(repository, 300))
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
