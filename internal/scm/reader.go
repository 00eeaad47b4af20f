package scm

import (
	"context"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Bounds of what a Reader takes from a forge. A list that is longer is an
// error of code conflict: half a list would be taken for the whole.
const (
	MaxChecks       = 2000
	MaxPullRequests = 1000
)

// Reader reads how things stand at a forge. It is safe for concurrent use, and
// its errors are those of a Reporter. Every Reporter is a Reader as well.
type Reader interface {
	// Checks returns how each check of a commit stands, by the name under which
	// a stage may require it and an Event reports it. Of several checks with the
	// same name, the worst state counts.
	Checks(ctx context.Context, repository, commit string) (map[string]State, error)
	// PullRequests returns the open pull requests. Their Action is empty.
	PullRequests(ctx context.Context, repository string) ([]PullRequest, error)
	// Groups returns those of the groups that the login belongs to, by the
	// forge's own word; one that doesn't exist has no members.
	Groups(ctx context.Context, login string, among []string) ([]string, error)
}

// Merged is the pull request whose merge made a commit of a branch.
type Merged struct {
	// Head is the commit that was merged, and File the git object id of the file that
	// was asked for, there; empty when it has none.
	Head, File string
	// At is when it was merged.
	At time.Time
	// Approvals are by whom exactly Head was approved, as far as that stands: not
	// dismissed, not taken back, and not by who opened the pull request.
	Approvals []Approval
}

// Approval is by the account of a login.
type Approval struct{ Login, ID string }

// Verdicts gathers what reviewers said of a pull request, in the order in which they
// did. The zero value is ready.
type Verdicts struct {
	order []string            // ids
	last  map[string]approval // by id
}

// approval is the last verdict of somebody.
type approval struct {
	by     Approval
	commit string // that was approved; empty for none
}

// Add takes in a verdict: the commit that was approved, empty when it was not. What is
// only a comment is none. The last verdict of each account counts.
func (v *Verdicts) Add(by Approval, commit string) {
	if by.ID == "" || by.ID == "0" {
		return
	}
	if v.last == nil {
		v.last = map[string]approval{}
	}
	if _, before := v.last[by.ID]; !before {
		v.order = append(v.order, by.ID)
	}
	by.Login = Name(by.Login)
	v.last[by.ID] = approval{by, commit}
}

// Standing returns who approves a commit still, but for its author. Where nobody knows
// who that is, nobody does.
func (v *Verdicts) Standing(commit, author string) []Approval {
	if author == "" || author == "0" {
		return nil
	}
	var all []Approval
	for _, id := range v.order {
		if last := v.last[id]; last.commit == commit && id != author {
			all = append(all, last.by)
		}
	}
	return all
}

// Reviewer knows who approved what. A forge that does not say of which commit an
// approval is has none. Errors are those of a Reader; one of code conflict says that
// there is too much to read.
type Reviewer interface {
	// Merged returns the pull request whose merge made a commit of a branch of the
	// repository, nil when none did.
	Merged(ctx context.Context, repository, branch, commit, file string) (*Merged, error)
}

// Publisher is a Reader of a forge that may publish the head of every pull request, of
// a fork's too, as a ref of the repository that it goes into.
type Publisher interface {
	// PullRef returns that full ref; empty when the forge publishes none.
	PullRef(number int64) string
}

// Checks gathers the checks of a commit. The zero value is ready.
type Checks struct{ states map[string]State }

// Add records one check; of several with the same name the worst state stays.
func (c *Checks) Add(name string, state State) error {
	if c.states == nil {
		c.states = map[string]State{}
	}
	name = Name(name)
	known, found := c.states[name]
	if !found && len(c.states) >= MaxChecks {
		return fault.New(fault.Conflict, "the commit has more than %d checks, too many to read the required ones reliably", MaxChecks)
	}
	if !found || badness(state) > badness(known) {
		c.states[name] = state
	}
	return nil
}

// States returns what was gathered, never nil.
func (c *Checks) States() map[string]State {
	if c.states == nil {
		return map[string]State{}
	}
	return c.states
}

// badness orders states: a failure outweighs whatever else has the name.
func badness(state State) int {
	switch state {
	case StateSuccess:
		return 0
	case StatePending:
		return 1
	case StateError:
		return 2
	}
	return 3
}

// PullRequestList gathers open pull requests. The zero value is ready.
type PullRequestList struct{ open []PullRequest }

// Add takes in one, as long as there are not too many.
func (l *PullRequestList) Add(operation string, p PullRequest) error {
	if len(l.open) >= MaxPullRequests {
		return TooMany(operation, MaxPullRequests)
	}
	l.open = append(l.open, p)
	return nil
}

// Open returns what was gathered.
func (l *PullRequestList) Open() []PullRequest { return l.open }

// TooMany is the error of a list that goes on beyond what is read.
func TooMany(operation string, limit int) error {
	return fault.New(fault.Conflict, "%s: there are more than %d, which is more than Slipway reads", operation, limit)
}

// Askable returns those of the groups that a forge can be asked about for a
// login: none of the names may lead a call's path elsewhere.
func Askable(login string, among []string) []string {
	if !segments(login, ":{}@") || strings.Contains(login, "/") {
		return nil
	}
	var askable []string
	for _, group := range among {
		if len(group) <= maxRepository && segments(group, "") {
			askable = append(askable, group)
		}
	}
	return askable
}

// segments reports whether every part between slashes is a plain name.
func segments(path, more string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		odd := strings.ContainsFunc(segment, func(r rune) bool { return notInPath(r) && !strings.ContainsRune(more, r) })
		if segment == "" || segment == "." || segment == ".." || odd {
			return false
		}
	}
	return true
}
