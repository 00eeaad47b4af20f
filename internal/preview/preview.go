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
	// Held says that the head is a fork's, and that nobody approved it yet.
	Held State = "Held"
	// None says that it gets none.
	None State = "None"
)

// LabelKeep is the label of a pull request whose preview does not expire.
const LabelKeep = "slipway-keep"

// Known is what was known of a pull request's preview when it was last looked.
type Known struct {
	// Lives is true when there is a preview.
	Lives bool
	// Commit is the head that the preview is of, or was when it ended.
	Commit string
	// Pushed is since when that commit is there.
	Pushed time.Time
	// Visited is when somebody visited it last; zero for never.
	Visited time.Time
	// Asleep is true while it has no pods, and Wakes when the next visit gives it some.
	Asleep, Wakes bool
	// Until is when it ends at the earliest, because somebody extended it.
	Until time.Time
	// Expired is true when the preview ended because its time ran out.
	Expired bool
	// Approved is the commit of a fork that somebody approved last, empty for none.
	Approved string
	// Asked is true when somebody who may deploy asked for the preview, and Revived
	// when they did since the last look.
	Asked, Revived bool
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
	// Commit is the head that counts; empty when it isn't fetched yet.
	Commit string
	// Runs is the commit that the preview is of; empty when there is to be none. It is
	// another one than the head while that of a fork waits to be approved.
	Runs string
	// Pushed is since when that commit is there.
	Pushed time.Time
	// Ends is when the preview ends without another push or visit; zero for never.
	Ends time.Time
	// Sleeps is true when it is to sleep, so that another has its place.
	Sleeps bool
	// Reason says why there is no preview of the head, in a sentence without a full
	// stop; empty for a live one.
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

// decide decides about one pull request, but for the limit. An approved commit of a fork
// stays while its next one waits, and is not brought back.
func (f Facts) decide(request scm.PullRequest, based bool) Decision {
	d := Decision{Request: request, State: None, Commit: f.Heads[request.Head.Ref]}
	if request.Fork {
		d.Commit = request.Head.Commit
	}
	known := f.Known[request.Number]
	if d.Reason = f.ineligible(d, based, known); d.Reason != "" {
		return d
	}
	d.State, d.Runs = Live, d.Commit
	if request.Fork && f.Previews.Forks != ForksAlways && known.Approved != d.Commit {
		d.State, d.Runs = Held, ""
		if known.Lives {
			d.Runs = known.Approved
		}
		d.Reason = fmt.Sprintf("commit %.8s comes from a fork, and nothing of it runs before a maintainer approves it: `/slipway approve %s`", d.Commit, d.Commit)
	}
	return f.age(d, known)
}

// ForksAlways is what the project file says when every commit of a fork runs.
const ForksAlways = "always"

// ineligible says why a pull request gets no preview at all; empty when it may.
func (f Facts) ineligible(d Decision, based bool, known Known) string {
	request := d.Request
	labelled := known.Asked || known.Revived || slices.ContainsFunc(request.Labels, func(label string) bool { return slices.Contains(f.Previews.Labels, label) })
	switch {
	case !based:
		return fmt.Sprintf("previews are for pull requests into %s, and this one goes into %s", strings.Join(f.Previews.Into, ", "), strings.TrimPrefix(request.Base.Ref, "refs/heads/"))
	case request.Fork && f.Previews.Forks != ForksAlways && f.Previews.Forks != "approve":
		return "it comes from a fork, and forks get no previews"
	case request.Fork && d.Commit == "":
		return "it comes from a fork, and the forge does not say of which commit"
	case len(f.Previews.Labels) > 0 && !labelled:
		return "it has none of the labels " + strings.Join(f.Previews.Labels, ", ")
	case request.Draft && !f.Previews.Drafts && !labelled && !known.Lives:
		return "it is a draft; mark it as ready for review"
	case scm.IsBot(request.Author) && !labelled && !known.Lives:
		return request.Author + " is a bot"
	case d.Commit == "":
		return "its branch " + strings.TrimPrefix(request.Head.Ref, "refs/heads/") + " is not in the repository"
	}
	return ""
}

// age finds since when the commit that runs is there, and ends a preview whose time
// ran out.
func (f Facts) age(d Decision, known Known) Decision {
	if d.Runs == "" {
		return d
	}
	d.Pushed = f.Now
	same := known.Commit == d.Runs && (known.Lives || known.Expired)
	if same && !known.Revived {
		d.Pushed = known.Pushed
	}
	ttl, err := time.ParseDuration(f.Previews.TTL)
	if err != nil || slices.Contains(d.Request.Labels, LabelKeep) {
		return d
	}
	d.Ends = active(d.Pushed, Known{Visited: known.Visited.Truncate(time.Hour)}).Add(ttl) // who is told hears of it once an hour
	if known.Lives && known.Until.After(d.Ends) {
		d.Ends = known.Until
	}
	if same && known.Expired && !known.Revived || f.Now.After(d.Ends) {
		d.Runs, d.Ends = "", time.Time{}
		if d.State == Live {
			d.State, d.Reason = Expired, "it ended after "+f.Previews.TTL+" without a push or a visit; a push, or `/slipway preview`, brings it back"
		}
	}
	return d
}

// limit queues the live decisions that are too many, unless others make room for them.
// Previews that exist stay, those that sleep don't count, and the lower numbers come first.
func (f Facts) limit(decisions []Decision) {
	free := f.Previews.Limit
	exists := func(d *Decision) bool { return f.Known[d.Request.Number].Lives }
	for i := range decisions {
		if d := &decisions[i]; d.Runs != "" && exists(d) && !f.Known[d.Request.Number].Asleep {
			free--
		}
	}
	if free < 0 { // some woke, or the limit was lowered
		free += f.makeRoom(decisions, -free)
	}
	waiting := 0
	for i := range decisions {
		d := &decisions[i]
		if d.Runs == "" || exists(d) {
			continue
		}
		if free <= 0 {
			free += f.makeRoom(decisions, 1-free)
		}
		switch {
		case free > 0:
			free--
		default:
			waiting++
			d.State, d.Runs = Queued, ""
			d.Reason = fmt.Sprintf("%d previews are awake, which is the limit; it is number %d in the queue", f.Previews.Limit, waiting)
		}
	}
}
