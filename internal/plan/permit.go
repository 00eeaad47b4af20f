package plan

import (
	"fmt"
	"sort"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
)

// Request is what a person requests.
type Request struct {
	File *project.File
	Rule project.Stage
	// Stage is the stage's name, which differs from the rule's for a pattern.
	Stage string
	// By is the Kubernetes user who requests it.
	By     string
	Action project.Action
	// Where returns the place of a path of the project file, "file:line:col".
	Where func(path string) string
}

// Permit finds the member who requests something, and looks up whether the role
// table permits it. A refusal is a sentence for them; empty means permitted.
func Permit(r Request) (who project.Member, refusal string) {
	what := actionPhrase(r.Action) + " stage " + r.Stage
	who, known := r.File.Person(r.By)
	switch {
	case r.By == "":
		return who, fmt.Sprintf("spec.by is empty, so it is unknown who wants to %s; use `slipway`, which fills it in", what)
	case !known:
		return who, fmt.Sprintf("%s may not %s: no member of project %s has that user or e-mail (members in %s); %s", r.By, what, r.File.Project, r.Where("members"), whoMay(r))
	case !who.Role.May(r.Action, r.Rule.Protected):
		return who, fmt.Sprintf("%s may not %s%s: the role %s does not allow it (members in %s); %s", r.By, what, protection(r), who.Role, r.Where("members"), whoMay(r))
	}
	return who, ""
}

// actionPhrase returns an action as a verb whose object is a stage.
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
	case project.ActionSleep:
		return "put to sleep or wake"
	case project.ActionQuarantine:
		return "deploy a quarantined commit to"
	}
	return string(action)
}

func protection(r Request) string {
	if !r.Rule.Protected {
		return ""
	}
	return ", which is protected (" + r.Where("stages."+r.Rule.Name+".protected") + ")"
}

// whoMay names the people who may do what is refused.
func whoMay(r Request) string {
	names := allowed(r.File, r.Action, r.Rule.Protected)
	if len(names) == 0 {
		return "no member may: add one to " + r.Where("members")
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
