package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
)

// Rejection is a person's rejection of a commit.
type Rejection struct {
	// Login is the member's at the forge.
	Login  string
	Reason string
}

// rejected returns who rejected the release. A rejection by a person who may not
// approve does not count.
func rejected(f Facts) string {
	for _, r := range f.Rejections {
		if f.File.RoleOf(project.Actor{Login: r.Login}).May(project.ActionApprove, f.Rule.Protected) {
			return fmt.Sprintf("rejected by %s%s; push a commit that they can approve", r.Login, because(r.Reason))
		}
	}
	return ""
}

// approvals holds a commit until enough people approved it. The approval of a person
// who pushed any of it, or requested it, does not count.
func approvals(f Facts) string {
	others := slices.DeleteFunc(approvers(f), func(login string) bool {
		return strings.EqualFold(login, f.Actor.Login) || slices.ContainsFunc(f.Contributions, func(p Contribution) bool { return strings.EqualFold(login, p.Actor.Login) })
	})
	need, have := f.Rule.Requires.Approvals, len(others)
	if have >= need {
		return ""
	}
	own := ""
	if f.Actor.Login != "" {
		own = " by others than " + f.Actor.Login
	}
	return fmt.Sprintf("has %d of %d approvals%s that stage %s requires (%s); %s", have, need, own, f.Rule.Name, f.where("requires.approvals"), whoApproves(f))
}

// approved reports whether a person with the right to do so approved.
func approved(f Facts) bool { return len(approvers(f)) > 0 }

// approvers returns the distinct approvers who may approve.
func approvers(f Facts) []string {
	var valid []string
	for _, login := range f.Approvers {
		may := f.File.RoleOf(project.Actor{Login: login}).May(project.ActionApprove, f.Rule.Protected)
		known := slices.ContainsFunc(valid, func(v string) bool { return strings.EqualFold(v, login) })
		if may && !known {
			valid = append(valid, login)
		}
	}
	return valid
}

// whoApproves names the people who can approve a held release.
func whoApproves(f Facts) string {
	names := allowed(f.File, project.ActionApprove, f.Rule.Protected)
	if len(names) == 0 {
		return "no member may approve it: add a maintainer to " + f.Where("members")
	}
	return strings.Join(names, ", ") + " can approve it"
}
