package plan

import (
	"cmp"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/project"
)

// Facts are what is known when a release is planned.
type Facts struct {
	File *project.File
	Rule project.Stage
	// Ref is the full ref that feeds the stage.
	Ref string
	// Preview is true for the preview of a pull request: that it has one was decided
	// before, whoever pushed to it.
	Preview bool
	// Actor is who pushed or requested the release; the zero Actor is unknown.
	Actor project.Actor
	// SameCommit is true when the last good release of the stage has the commit: who
	// pushed it does not matter any more.
	SameCommit bool
	// Contributions are what else differs from the last good release, each pushed by
	// somebody to another ref than the stage's.
	Contributions []Contribution
	// Action is what a person requested; empty for a push.
	Action project.Action
	// Approvers are the logins of those who approved this commit.
	Approvers []string
	// Rejections are those of people who rejected it.
	Rejections []Rejection
	// Checks are the states of the commit's checks at the forge, by name.
	Checks map[string]CheckState
	// Unknown is why the forge does not return a fact that a gate needs; empty when
	// all are known.
	Unknown string
	// Now is the instant of the decision, for freeze windows.
	Now time.Time
	// Images are the images the built services need, by service.
	Images map[string]Image
	// Last are the images of the stage's last good release, by service.
	Last map[string]LastImage
	// Where returns the place of a path of the project file, "file:line:col".
	Where func(path string) string
}

// Contribution is what a release takes from another ref than its stage's: the project
// file, or a commit of another repository.
type Contribution struct {
	// What names it for people.
	What string
	// Actor is who pushed it; the zero Actor is unknown.
	Actor project.Actor
}

// CheckState is the state of one check of a commit.
type CheckState string

// The states a check can have; a check that the forge does not know is "".
const (
	CheckPassed  CheckState = "passed"
	CheckFailed  CheckState = "failed"
	CheckPending CheckState = "pending"
)

// Image is what a built service needs.
type Image struct {
	// Hash is the input hash.
	Hash string
	// Ref is the image by digest when one with this hash exists already.
	Ref string
	// Assembled is true when it needs no execution.
	Assembled bool
	// Inputs are the parts that the hash is made of, by name, for the why.
	Inputs map[string]string
}

// LastImage is what a built service ran with in the last good release.
type LastImage struct {
	Hash    string
	Release string
	Inputs  map[string]string
}

// Decision is the answer: go, hold for a reason, or stop.
type Decision struct {
	// Hold is why the release waits for a person or a point in time; empty means
	// that it goes on.
	Hold string
	// Rejected is who rejected the release for good; empty when no one did.
	Rejected string
	// ApprovedBy are the logins of people whose approval counts.
	ApprovedBy []string
	// Services is what happens to each built service, sorted by name.
	Services []ServiceDecision
}

// ServiceDecision is what happens to one built service.
type ServiceDecision struct {
	Name string
	// Build is true when an image must be built, false when Ref is reused.
	Build  bool
	Hash   string
	Ref    string
	Inputs map[string]string
	Why    string
}

// Decide plans one release.
func Decide(f Facts) Decision {
	d := Decision{Services: services(f), Rejected: rejected(f), ApprovedBy: approvers(f)}
	for _, gate := range []func(Facts) string{frozen, actor, checks, approvals} {
		if reason := gate(f); reason != "" {
			d.Hold = reason
			if f.Unknown != "" {
				d.Hold += "; " + f.Unknown
			}
			return d
		}
	}
	return d
}

func services(f Facts) []ServiceDecision {
	names := make([]string, 0, len(f.Images))
	for name := range f.Images {
		names = append(names, name)
	}
	sort.Strings(names)
	decisions := make([]ServiceDecision, 0, len(names))
	for _, name := range names {
		decisions = append(decisions, service(name, f.Images[name], f.Last[name]))
	}
	return decisions
}

func service(name string, want Image, last LastImage) ServiceDecision {
	d := ServiceDecision{Name: name, Hash: want.Hash, Ref: want.Ref, Inputs: want.Inputs, Build: want.Ref == ""}
	how := "built: "
	if want.Assembled {
		how = "assembled: "
	}
	switch {
	case d.Build && last.Hash == "":
		d.Why = how + "first build of this service here"
	case d.Build && last.Hash == want.Hash:
		d.Why = how + "the registry no longer has the image of release " + last.Release
	case d.Build:
		d.Why = how + changed(last.Inputs, want.Inputs) + " changed since release " + last.Release
	case last.Hash == want.Hash:
		d.Why = "reused: nothing it is built from changed since release " + last.Release
	default:
		d.Why = "reused: an image of the very same inputs exists"
	}
	return d
}

// changed names the inputs that differ.
func changed(before, after map[string]string) string {
	var names []string
	for name, value := range after {
		if before[name] != value {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, still := after[name]; !still {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "an input"
	}
	sort.Strings(names)
	if len(names) > 4 {
		names = append(names[:4], fmt.Sprintf("%d more", len(names)-4))
	}
	return strings.Join(names, ", ")
}

// frozen holds a release inside a freeze window, unless a person who may approve
// requested it.
func frozen(f Facts) string {
	if f.Action != "" && f.File.RoleOf(f.Actor).May(project.ActionApprove, f.Rule.Protected) {
		return ""
	}
	for i, window := range f.Rule.Freeze {
		from, errFrom := time.Parse(time.RFC3339, window.From)
		until, errUntil := time.Parse(time.RFC3339, window.Until)
		if errFrom != nil || errUntil != nil || f.Now.Before(from) || !f.Now.Before(until) {
			continue
		}
		return fmt.Sprintf("stage %s is frozen until %s%s (%s)", f.Rule.Name, window.Until, because(window.Reason), f.where("freeze[%d]", i))
	}
	return ""
}

// actor holds a push by a person who may not deploy to the stage, and one that takes
// what such a person pushed elsewhere.
func actor(f Facts) string {
	if approved(f) || f.Preview && f.Action == "" {
		return ""
	}
	if !f.SameCommit || f.Action != "" {
		if reason := pusher(f, "this commit", f.Actor); reason != "" {
			return reason
		}
	}
	if !f.Rule.Protected || f.Action != "" {
		return ""
	}
	for _, part := range f.Contributions {
		if reason := pusher(f, part.What, part.Actor); reason != "" {
			return reason
		}
	}
	return ""
}

// pusher returns why who pushed something keeps it from the stage.
func pusher(f Facts, what string, actor project.Actor) string {
	if actor.IsZero() {
		if !f.Rule.Protected {
			return ""
		}
		return fmt.Sprintf("stage %s is protected (%s) and nobody knows who pushed %s; %s", f.Rule.Name, f.where("protected"), what, whoApproves(f))
	}
	role := f.File.RoleOf(actor)
	if role.May(cmp.Or(f.Action, project.ActionDeploy), f.Rule.Protected) {
		return ""
	}
	who := actor.Login
	if what != "this commit" {
		who += ", who pushed " + what + ","
	}
	if role == "" {
		return fmt.Sprintf("%s is no member of project %s (members in %s); %s", who, f.File.Project, f.Where("members"), whoApproves(f))
	}
	return fmt.Sprintf("%s has the role %s, which may not deploy to stage %s (%s); %s", who, role, f.Rule.Name, f.where("protected"), whoApproves(f))
}

// checks holds a commit until the forge reports its required checks passed.
func checks(f Facts) string {
	var missing []string
	for _, name := range f.Rule.Requires.Checks {
		switch f.Checks[name] {
		case CheckPassed:
		case CheckFailed:
			return fmt.Sprintf("check %s failed on this commit, and stage %s requires it (%s); push a fix", name, f.Rule.Name, f.where("requires.checks"))
		default:
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return fmt.Sprintf("waits for %s to pass, as stage %s requires (%s)", strings.Join(missing, ", "), f.Rule.Name, f.where("requires.checks"))
}

// where returns the place of a field of the stage's rule.
func (f Facts) where(format string, args ...any) string {
	return f.Where(fmt.Sprintf("stages.%s.", f.Rule.Name) + fmt.Sprintf(format, args...))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
