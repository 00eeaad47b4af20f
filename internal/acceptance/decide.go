package acceptance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
)

// Facts are what is known when a proposal is decided.
type Facts struct {
	// Force is the file in force: nobody has another role than by it.
	Force *project.File
	// Changes are what the proposed file changes of it.
	Changes []Change
	Proposal
	// Groups are those groups of the authors that the forge reported, by login.
	Groups map[string][]string
	// Approvers are those who accepted exactly the proposed file.
	Approvers []project.Member
}

// Decision is what becomes of a proposal.
type Decision struct {
	// By is who accepts it, empty when it waits. Approved is true when that is
	// somebody who was asked to, and not its authors.
	By       string
	Approved bool
	// Hold is why it waits, as the end of a sentence that begins with what it is;
	// empty when it is accepted.
	Hold string
	// May are the members who can accept it, groups included.
	May []string
}

// Decide decides whether a proposal comes into force: when each of its authors may
// change all that it changes, or somebody who may accepted it.
func Decide(f Facts) Decision {
	needs := Needs(f.Changes)
	for _, approver := range f.Approvers {
		if approver.Role.May(needs, true) {
			return Decision{By: approver.User, Approved: true}
		}
	}
	lacking := f.lacking(needs)
	if !f.Unknown && len(f.Authors) > 0 && len(lacking) == 0 {
		return Decision{By: strings.Join(f.Authors, ", ")}
	}
	d := Decision{May: whoMay(f.Force, needs)}
	takes := "a maintainer"
	if needs == project.ActionChangeMembers {
		takes = "an owner"
	}
	who := strings.Join(lacking, ", ")
	if who == "" {
		d.Hold = fmt.Sprintf("that takes %s, and nobody knows who pushed all of it", takes)
	} else {
		d.Hold = fmt.Sprintf("that takes %s, and it was pushed by %s", takes, who)
	}
	return d
}

// Needs returns what somebody must be allowed to do to make all of some changes.
func Needs(changes []Change) project.Action {
	if slices.ContainsFunc(changes, func(c Change) bool { return c.Needs == project.ActionChangeMembers }) {
		return project.ActionChangeMembers
	}
	return project.ActionChangeStages
}

// lacking returns the authors who may not do something, each with the role.
func (f Facts) lacking(needs project.Action) []string {
	var lacking []string
	for _, login := range f.Authors {
		role := f.Force.RoleOf(project.Actor{Login: login, Groups: f.Groups[login]})
		switch {
		case role.May(needs, true):
		case role == "":
			lacking = append(lacking, login+" (no member)")
		default:
			lacking = append(lacking, fmt.Sprintf("%s (%s)", login, role))
		}
	}
	return lacking
}

// DecidingGroups returns the groups whose members may accept some changes, for
// each author who may not by login alone.
func (f Facts) DecidingGroups() map[string][]string {
	needs := Needs(f.Changes)
	asked := map[string][]string{}
	for _, login := range f.Authors {
		if f.Force.RoleOf(project.Actor{Login: login}).May(needs, true) {
			continue
		}
		for _, m := range f.Force.Members {
			if m.Group != "" && m.Role.May(needs, true) {
				asked[login] = append(asked[login], m.Group)
			}
		}
	}
	return asked
}

// maxNamed is how many people a sentence names.
const maxNamed = 5

// whoMay names the members who may do something.
func whoMay(file *project.File, needs project.Action) []string {
	var names []string
	for _, m := range file.Members {
		if m.Role.May(needs, true) {
			names = append(names, memberName(m))
		}
	}
	slices.Sort(names)
	return names[:min(len(names), maxNamed)]
}

// Sentences says what some changes are, at most limit of them.
func Sentences(changes []Change, limit int) []string {
	var lines []string
	for _, change := range changes[:min(len(changes), limit)] {
		lines = append(lines, change.String())
	}
	if more := len(changes) - limit; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return lines
}
