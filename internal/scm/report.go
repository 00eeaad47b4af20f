package scm

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

// MaxDescription is how many runes a status may say; GitHub's limit, the
// smallest of all.
const MaxDescription = 140

// Reporter reports to a forge. It is safe for concurrent use. Its
// errors are coded: unavailable is worth a retry, after RetryAfter(err) when
// the forge says how long; anything else isn't. Every method may be repeated.
type Reporter interface {
	// SetStatus sets the status of a commit under its context; the newest of a
	// context counts.
	SetStatus(ctx context.Context, s Status) error
	// SetComment writes the one comment of a topic under a pull request, or edits
	// it when it is there.
	SetComment(ctx context.Context, n Comment) error
}

// Deployer is a Reporter of a forge that keeps a record of deployments.
type Deployer interface {
	// SetDeployment makes the deployment when its ID is empty, sets its state,
	// and returns its id at the forge.
	SetDeployment(ctx context.Context, d Deployment) (id string, err error)
}

// Annotator is a Reporter of a forge that shows findings at lines of files.
type Annotator interface {
	// Annotate replaces what was found earlier for the commit under the name.
	Annotate(ctx context.Context, f Findings) error
}

// Lender is a Reporter whose credentials open git over HTTPS only for a while,
// such as a GitHub App's.
type Lender interface {
	// GitCredentials returns what is valid for some minutes at least. Ask again
	// for every fetch, and keep them nowhere.
	GitCredentials(ctx context.Context) (username, password string, err error)
}

// Reaction is a sign under a comment.
type Reaction string

// The reactions of Slipway.
const (
	ReactionDone    Reaction = "done"    // what the comment asks for was done, or began
	ReactionRefused Reaction = "refused" // nothing was done
)

// Reactor is a Reporter of a forge that shows reactions to comments.
type Reactor interface {
	// React puts a reaction under a comment of a pull request. One that is there
	// already is no error.
	React(ctx context.Context, repository string, number int64, comment string, reaction Reaction) error
}

// Hooks is what a Reporter knows of a repository's webhooks.
type Hooks interface {
	// ListHooks returns the repository's hooks; without their secrets.
	ListHooks(ctx context.Context, repository string) ([]Hook, error)
	// CreateHook makes a hook and returns it with its id.
	CreateHook(ctx context.Context, repository string, h Hook) (Hook, error)
	// UpdateHook makes the hook of h.ID as h says, its secret included.
	UpdateHook(ctx context.Context, repository string, h Hook) error
	// DeleteHook removes a hook. A hook that doesn't exist is not an error.
	DeleteHook(ctx context.Context, repository, id string) error
}

// Status is how a stage stands at a commit.
type Status struct {
	Repository  string // owner/name
	Commit      string // full id
	Context     string // see Context
	State       State
	Description string // cut to what the forge takes
	URL         string // where to read more; may be empty
}

// Comment is Slipway's one comment of a topic under a pull request.
type Comment struct {
	Repository  string
	PullRequest int64
	Topic       string // distinguishes several comments of Slipway on one pull request
	Body        string // Markdown, without the marker
}

// Phase is how far a deployment is.
type Phase string

// The phases of a deployment.
const (
	PhaseQueued  Phase = "queued"
	PhaseRunning Phase = "running"
	PhaseLive    Phase = "live"
	PhaseFailed  Phase = "failed"
	PhaseGone    Phase = "gone" // superseded, or its stage was removed
)

// Deployment is a stage's release as a forge shows it.
type Deployment struct {
	ID          string // the forge's; empty to make one
	Release     string // names it, so that one is made only once
	Repository  string
	Commit      string
	Ref         string // full ref
	Stage       string
	Preview     bool // short-lived
	Protected   bool // people depend on it
	Phase       Phase
	Description string
	URL         string // where the stage can be seen; may be empty
	LogURL      string // where to read more; may be empty
}

// Findings are what a named check found in a commit.
type Findings struct {
	Repository string
	Commit     string
	Name       string // see Context
	State      State
	Title      string
	Summary    string // Markdown
	Found      []Finding
	URL        string
}

// Finding is one thing found at a line of a file.
type Finding struct {
	Path    string
	Line    int // from 1
	Column  int // from 1; 0 when unknown
	Message string
	Warning bool // doesn't fail the check
}

// Hook is a webhook of a repository.
type Hook struct {
	ID     string
	URL    string
	Secret string // only written, never read
	Active bool
	Events []string // the forge's own names; empty means those that Slipway reads
}

// Check refuses a hook whose deliveries could not be authenticated: one without
// a secret.
func (h Hook) Check() error {
	if h.Secret == "" {
		return fault.New(fault.Invalid, "a hook must have a secret; nothing is accepted without one")
	}
	if !strings.HasPrefix(h.URL, "https://") && !strings.HasPrefix(h.URL, "http://") {
		return fault.New(fault.Invalid, "a hook's address must be an http or https URL")
	}
	return nil
}

// String gives no secret away.
func (h Hook) String() string { return fmt.Sprintf("hook %s to %s", h.ID, h.URL) }

// GoString is String, for %#v.
func (h Hook) GoString() string { return h.String() }
