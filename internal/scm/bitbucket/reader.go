package bitbucket

import (
	"context"
	"crypto/sha1" //nolint:gosec // git's object ids are made with it
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// reading is how the Cloud and the Data Center are read, each in its own way.
type reading interface {
	readChecks(ctx context.Context, operation, repository, commit string, checks *scm.Checks) error
	readRequests(ctx context.Context, operation, repository string) ([]scm.PullRequest, error)
	belongs(ctx context.Context, operation, login, group string) (bool, error)
}

// Checks returns the build statuses of a commit by key.
func (r *Reporter) Checks(ctx context.Context, repository, commit string) (map[string]scm.State, error) {
	const operation = "read the commit's checks"
	if _, _, err := split(repository); err != nil {
		return nil, err
	}
	commit, err := scm.FullCommit(operation, commit)
	if err != nil {
		return nil, err
	}
	var checks scm.Checks
	if err := r.readChecks(ctx, operation, repository, commit, &checks); err != nil {
		return nil, err
	}
	return checks.States(), nil
}

// PullRequests returns the open pull requests.
func (r *Reporter) PullRequests(ctx context.Context, repository string) ([]scm.PullRequest, error) {
	if _, _, err := split(repository); err != nil {
		return nil, err
	}
	return r.readRequests(ctx, "list the open pull requests", repository)
}

// Groups asks about each group: a workspace of the Cloud, or a group of the
// Data Center. The Cloud's groups inside a workspace have no API.
func (r *Reporter) Groups(ctx context.Context, login string, among []string) ([]string, error) {
	var in []string
	for _, group := range scm.Askable(login, among) {
		belongs, err := r.belongs(ctx, "ask who is in a group", login, group)
		if err != nil {
			return nil, err
		}
		if belongs {
			in = append(in, group)
		}
	}
	return in, nil
}

// PullRef returns the ref under which the Data Center publishes the head of a pull
// request. The Cloud publishes none.
func (r *Reporter) PullRef(number int64) string {
	if _, center := r.forge.(*centerForge); !center {
		return ""
	}
	return fmt.Sprintf("refs/pull-requests/%d/from", number)
}

// status is a build status, in the words of both.
type status struct {
	Key   string `json:"key"`
	State string `json:"state"`
}

func (s status) add(checks *scm.Checks) error { return checks.Add(s.Key, stateOf(s.State)) }

func stateOf(state string) scm.State {
	switch state {
	case "SUCCESSFUL":
		return scm.StateSuccess
	case "FAILED":
		return scm.StateFailure
	case "STOPPED", "CANCELLED", "UNKNOWN":
		return scm.StateError
	}
	return scm.StatePending
}

// reviewing is how the Cloud and the Data Center are asked for reviews.
type reviewing interface {
	// merged returns the pull request whose merge made a commit, without its file.
	merged(ctx context.Context, operation, repository, branch, commit string) (*scm.Merged, error)
	// filePath returns where a file of a commit is read as it is.
	filePath(repository, commit, file string) string
}

// Merged returns the pull request whose merge made a commit, and who approved it.
func (r *Reporter) Merged(ctx context.Context, repository, branch, commit, file string) (*scm.Merged, error) {
	const operation = "read who approved the merged pull request"
	if _, _, err := split(repository); err != nil {
		return nil, err
	}
	commit, err := scm.FullCommit(operation, commit)
	if err != nil {
		return nil, err
	}
	merged, err := r.merged(ctx, operation, repository, branch, commit)
	if err != nil || merged == nil {
		return nil, err
	}
	text, err := r.rest.read(ctx, operation, r.filePath(repository, merged.Head, file))
	switch {
	case err == nil:
		merged.File = blobID(text)
	case fault.CodeOf(err) != fault.NotFound:
		return nil, err
	}
	return merged, nil
}

// blobID returns git's object id of a file.
func blobID(text []byte) string {
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(text)), text...)) //nolint:gosec // git's own
	return hex.EncodeToString(sum[:])
}

// raw is the path of a file, each segment escaped.
func raw(file string) string { return in(strings.Split(file, "/")...) }
