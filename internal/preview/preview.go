package preview

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/scm"
)

// State is how it stands with the preview of an open pull request.
type State string

// The states of a preview.
const (
	// Live says that the pull request has a preview, or gets one now.
	Live State = "Live"
	// Queued says that it gets one when another ends.
	Queued State = "Queued"
	// Expired says that its time ran out; another commit brings it back.
	Expired State = "Expired"
	// None says that it gets none.
	None State = "None"
)

// Known is a preview that there was when it was last looked.
type Known struct {
	// Commit is the head that the preview is of, or was when it ended.
	Commit string
	// Pushed is since when that commit is there.
	Pushed time.Time
	// Expired is true when the preview ended because its time ran out.
	Expired bool
}

// Facts are what the decision depends on.
type Facts struct {
	// Previews is what the accepted project file says; nil means that there are none.
	Previews *project.Previews
	// Open are the open pull requests as the forge lists them.
	Open []scm.PullRequest
	// Heads are the commits of the project's own branches, by full ref.
	Heads map[string]string
	// Known are the previews of the last time, by the pull request's number.
	Known map[int64]Known
	Now   time.Time
}

// Decision is what becomes of one open pull request.
type Decision struct {
	Request scm.PullRequest
	State   State
	// Commit is the head that counts; empty when it isn't fetched yet, or a fork's.
	Commit string
	// Pushed is since when that commit is there.
	Pushed time.Time
	// Reason says why there is no preview, in a sentence without a full stop; empty
	// for a live one.
	Reason string
}

// Decide returns what becomes of each open pull request, by number. A pull request
// that isn't open any more has no decision and no preview.
func Decide(f Facts) []Decision {
	if f.Previews == nil {
		return nil
	}
	open := slices.SortedFunc(slices.Values(f.Open), func(a, b scm.PullRequest) int { return cmp.Compare(a.Number, b.Number) })
	open = slices.CompactFunc(open, func(a, b scm.PullRequest) bool { return a.Number == b.Number })
	based := f.based(open)
	decisions := make([]Decision, 0, len(open))
	for _, request := range open {
		decisions = append(decisions, f.decide(request, based[request.Number]))
	}
	f.limit(decisions)
	return decisions
}

// based returns the pull requests whose base gets previews: a branch of
// previews.into, or the head of another one of these in the project's own repository.
func (f Facts) based(open []scm.PullRequest) map[int64]bool {
	based, heads := map[int64]bool{}, map[string]bool{}
	for grows := true; grows; {
		grows = false
		for _, request := range open {
			if based[request.Number] || !heads[request.Base.Ref] && !f.Previews.Accepts(strings.TrimPrefix(request.Base.Ref, "refs/heads/")) {
				continue
			}
			based[request.Number], grows = true, true
			if !request.Fork {
				heads[request.Head.Ref] = true
			}
		}
	}
	return based
}

// decide decides about one pull request, but for the limit.
func (f Facts) decide(request scm.PullRequest, based bool) Decision {
	d := Decision{Request: request, State: None}
	if !request.Fork {
		d.Commit = f.Heads[request.Head.Ref]
	}
	known, had := f.Known[request.Number]
	if d.Pushed = f.Now; had && known.Commit == d.Commit {
		d.Pushed = known.Pushed
	}
	labelled := slices.ContainsFunc(request.Labels, func(label string) bool { return slices.Contains(f.Previews.Labels, label) })
	living := had && !known.Expired
	switch {
	case !based:
		d.Reason = fmt.Sprintf("previews are for pull requests into %s, and this one goes into %s", strings.Join(f.Previews.Into, ", "), strings.TrimPrefix(request.Base.Ref, "refs/heads/"))
	case request.Fork:
		d.Reason = "it comes from a fork, and forks get no previews"
	case len(f.Previews.Labels) > 0 && !labelled:
		d.Reason = "it has none of the labels " + strings.Join(f.Previews.Labels, ", ")
	case request.Draft && !f.Previews.Drafts && !labelled && !living:
		d.Reason = "it is a draft; mark it as ready for review"
	case isBot(request.Author) && !labelled && !living:
		d.Reason = request.Author + " is a bot"
	case d.Commit == "":
		d.Reason = "its branch " + strings.TrimPrefix(request.Head.Ref, "refs/heads/") + " is not in the repository"
	case had && known.Expired && known.Commit == d.Commit:
		d.State, d.Reason = Expired, "it ended after "+f.Previews.TTL+" without a push; a push brings it back"
	case f.over(d.Pushed):
		d.State, d.Reason = Expired, "it ended after "+f.Previews.TTL+" without a push; a push brings it back"
	default:
		d.State = Live
	}
	return d
}

// over reports whether the time of a preview ran out.
func (f Facts) over(pushed time.Time) bool {
	ttl, err := time.ParseDuration(f.Previews.TTL)
	return err == nil && f.Now.Sub(pushed) > ttl
}

// limit queues the live decisions that are too many. Previews that exist stay, and the
// lower numbers come first.
func (f Facts) limit(decisions []Decision) {
	free := f.Previews.Limit
	exists := func(d *Decision) bool { known, had := f.Known[d.Request.Number]; return had && !known.Expired }
	for i := range decisions {
		if d := &decisions[i]; d.State == Live && exists(d) {
			free--
		}
	}
	waiting := 0
	for i := range decisions {
		d := &decisions[i]
		switch {
		case d.State != Live || exists(d):
		case free > 0:
			free--
		default:
			waiting++
			d.State = Queued
			d.Reason = fmt.Sprintf("%d previews exist, which is the limit; it is number %d in the queue", f.Previews.Limit, waiting)
		}
	}
}

// isBot reports whether a login is that of a program, by the forges' conventions:
// GitHub Apps, GitLab's access tokens, and the well-known ones that have accounts.
func isBot(login string) bool {
	login = strings.ToLower(login)
	for _, name := range []string{"dependabot", "renovate", "renovate-bot", "snyk-bot", "github-actions"} {
		if login == name {
			return true
		}
	}
	token := strings.HasPrefix(login, "project_") || strings.HasPrefix(login, "group_")
	return strings.HasSuffix(login, "[bot]") || token && strings.Contains(login, "_bot")
}
