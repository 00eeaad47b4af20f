package plan

import (
	"fmt"
	"sort"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
)

// Request is what a person asked for.
type Request struct {
	File *project.File
	Rule project.Stage
	// Stage is the stage's name, which differs from the rule's for a pattern.
	Stage string
	// By is the Kubernetes user who asked.
	By     string
	Action project.Action
	// Where returns the place of a path of the project file, "file:line:col".
	Where func(path string) string
}

// Permit looks up who asked and whether the role table lets them. A refusal is
// a sentence for them; empty means that they may.
func Permit(w Request) (who project.Member, refusal string) {
	what := actionPhrase(w.Action) + " stage " + w.Stage
	who, known := w.File.Person(w.By)
	switch {
	case w.By == "":
		return who, fmt.Sprintf("nobody is known to have asked to %s (spec.by is empty); ask with `slipway`, which says who you are", what)
	case !known:
		return who, fmt.Sprintf("%s may not %s: no member of project %s has that user or e-mail (members in %s); %s", w.By, what, w.File.Project, w.Where("members"), whoMay(w))
	case !who.Role.May(w.Action, w.Rule.Protected):
		return who, fmt.Sprintf("%s may not %s%s: the role %s does not allow it (members in %s); %s", w.By, what, protection(w), who.Role, w.Where("members"), whoMay(w))
	}
	return who, ""
}

// actionPhrase puts an action into words that a stage follows.
func actionPhrase(action project.Action) string {
	switch action {
	case project.ActionDeploy:
		return "deploy to"
	case project.ActionRollback:
		return "roll back"
	case project.ActionPromote:
		return "promote to"
	case project.ActionApprove:
		return "approve releases of"
	case project.ActionQuarantine:
		return "deploy a quarantined commit to"
	}
	return string(action)
}

func protection(w Request) string {
	if !w.Rule.Protected {
		return ""
	}
	return ", which is protected (" + w.Where("stages."+w.Rule.Name+".protected") + ")"
}

// whoMay names the people who may do what somebody else may not.
func whoMay(w Request) string {
	names := allowed(w.File, w.Action, w.Rule.Protected)
	if len(names) == 0 {
		return "no member may: add one to " + w.Where("members")
	}
	return strings.Join(names, ", ") + " may"
}

// allowed lists the members who may do something, groups included.
func allowed(file *project.File, action project.Action, protected bool) []string {
	var names []string
	for _, m := range file.Members {
		if m.Role.May(action, protected) {
			names = append(names, m.User+m.Group)
		}
	}
	sort.Strings(names)
	if len(names) > 5 {
		names = append(names[:5], "others")
	}
	return names
}
