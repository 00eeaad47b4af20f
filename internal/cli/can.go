package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

// verdict is the answer to whether somebody may do something.
type verdict struct {
	User    string         `json:"user"`
	Action  project.Action `json:"action"`
	Stage   string         `json:"stage"`
	Allowed bool           `json:"allowed"`
	Role    project.Role   `json:"role,omitempty"`
	Needs   project.Role   `json:"needs"`
	Why     string         `json:"why"`
	// Also are gates that hold even for those who may.
	Also []string `json:"also,omitempty"`
}

type canCommand struct {
	repository
	groups []string
	format string
}

func newCan(streams Streams) *cobra.Command {
	c := &canCommand{repository: repository{streams: streams}}
	command := &cobra.Command{
		Use:     "can USER ACTION STAGE",
		Short:   "Tell whether somebody may do something to a stage, and why",
		GroupID: "repository",
		Long: `Tell whether somebody may do something to a stage, and why.

USER is a login at the forge. Which groups it belongs to only the forge knows:
name them with --group. The actions are ` + join(actions(), ", ") + `.

The exit code is 0 for yes and 3 for no.`,
		Example: `  slipway can alice deploy production
  slipway can bob approve production --group acme/backend`,
		Args: cobra.ExactArgs(3),
		RunE: func(_ *cobra.Command, args []string) error { return c.run(args[0], project.Action(args[1]), args[2]) },
	}
	c.flags(command)
	command.Flags().StringSliceVar(&c.groups, "group", nil, "a group that the user belongs to")
	outputFlag(command, &c.format)
	return command
}

func (c *canCommand) run(user string, action project.Action, stage string) error {
	if !slices.Contains(actions(), action) {
		return &usageError{fmt.Errorf("%.60q is no action; the actions are %s", action, join(actions(), ", "))}
	}
	if user == "" {
		return &usageError{errors.New("the user is empty; give a login at the forge")}
	}
	opened, err := c.open()
	if err != nil {
		return err
	}
	rule, err := findRule(opened.document.File, stage)
	if err != nil {
		return err
	}
	v := judge(opened.document, project.Actor{Login: user, Groups: c.groups}, action, rule)
	if err := (output{c.streams, c.format}).print(v, v.text); err != nil {
		return err
	}
	if !v.Allowed {
		return &findingsError{1}
	}
	return nil
}

func (v verdict) text(t *table) {
	answer, m := "yes", good
	if !v.Allowed {
		answer, m = "no", bad
	}
	t.marked(m, answer+": "+v.Why)
	for _, gate := range v.Also {
		t.row("also: " + gate)
	}
}

// judge decides by the table of roles, and says why.
func judge(doc *projectfile.Document, actor project.Actor, action project.Action, rule project.Stage) verdict {
	v := verdict{User: actor.Login, Action: action, Stage: rule.Name, Role: doc.File.RoleOf(actor), Needs: needs(action, rule.Protected)}
	v.Allowed = v.Role.May(action, rule.Protected)
	who := actor.Login + " is no member of project " + doc.File.Project + " (" + whereIn(doc, "members") + ")"
	if v.Role != "" {
		who = fmt.Sprintf("%s is %s (%s)", actor.Login, v.Role, grantedAt(doc, actor, v.Role))
	}
	kind := "stage " + rule.Name
	if rule.Protected {
		kind = "the protected stage " + rule.Name + " (" + whereStage(doc, rule.Name, "protected") + ")"
	}
	v.Why = fmt.Sprintf("%s, and to %s %s takes %s", who, action, kind, orHigher(v.Needs))
	if !v.Allowed {
		v.Why += byGroup(doc.File, actor, action, rule)
	}
	if v.Allowed && (action == project.ActionDeploy || action == project.ActionPromote) {
		v.Also = gates(doc, rule)
	}
	return v
}

// needs returns the lowest role that may do the action.
func needs(action project.Action, protected bool) project.Role {
	for _, role := range roles() {
		if role.May(action, protected) {
			return role
		}
	}
	return ""
}

func orHigher(role project.Role) string {
	if role == project.RoleOwner {
		return string(role)
	}
	return string(role) + " or higher"
}

// grantedAt returns where the file gives the actor the role.
func grantedAt(doc *projectfile.Document, actor project.Actor, role project.Role) string {
	for i, m := range doc.File.Members {
		alone := project.File{Members: []project.Member{m}}
		if alone.RoleOf(actor) == role {
			return whereIn(doc, fmt.Sprintf("members[%d]", i))
		}
	}
	return whereIn(doc, "members")
}

// byGroup names the groups whose members may; the user could be in one.
func byGroup(file *project.File, actor project.Actor, action project.Action, rule project.Stage) string {
	var groups []string
	for _, m := range file.Members {
		if m.Group != "" && !slices.Contains(actor.Groups, m.Group) && m.Role.May(action, rule.Protected) {
			groups = append(groups, m.Group)
		}
	}
	if len(groups) == 0 {
		return ""
	}
	return "; members of " + strings.Join(groups, ", ") + " may: if " + actor.Login + " is one, say so with --group"
}

// gates are what a deploy waits for besides the right to it.
func gates(doc *projectfile.Document, rule project.Stage) []string {
	var all []string
	if len(rule.Requires.Checks) > 0 {
		all = append(all, fmt.Sprintf("the checks %s must pass (%s)", strings.Join(rule.Requires.Checks, ", "), whereStage(doc, rule.Name, "requires.checks")))
	}
	if rule.Requires.Approvals > 0 {
		all = append(all, fmt.Sprintf("%d of those who may approve must (%s)", rule.Requires.Approvals, whereStage(doc, rule.Name, "requires.approvals")))
	}
	if rule.PromoteFrom != "" {
		all = append(all, fmt.Sprintf("it takes the images that run in stage %s (%s)", rule.PromoteFrom, whereStage(doc, rule.Name, "promoteFrom")))
	}
	for i, window := range rule.Freeze {
		all = append(all, fmt.Sprintf("it is frozen from %s until %s (%s)", window.From, window.Until, whereStage(doc, rule.Name, fmt.Sprintf("freeze[%d]", i))))
	}
	return all
}

// whereStage returns the place of a field of a stage rule.
func whereStage(doc *projectfile.Document, rule, field string) string {
	index := slices.IndexFunc(doc.File.Stages, func(s project.Stage) bool { return s.Name == rule })
	return whereIn(doc, fmt.Sprintf("stages[%d].%s", index, field))
}

// whereIn returns the place of a path of the project file, or of what holds
// it.
func whereIn(doc *projectfile.Document, path string) string {
	if file, line, column := doc.Where(path); line > 0 {
		return fmt.Sprintf("%s:%d:%d", file, line, column)
	}
	line, column := position(doc, path)
	return fmt.Sprintf("%s:%d:%d", project.FileName, line, column)
}

// position returns the place of a path, or of the nearest part above it that
// is written in the file.
func position(doc *projectfile.Document, path string) (line, column int) {
	for path != "" {
		if line, column := doc.Position(path); line > 0 {
			return line, column
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return 1, 1
}

func roles() []project.Role {
	return []project.Role{project.RoleViewer, project.RoleDeveloper, project.RoleMaintainer, project.RoleOwner}
}

func actions() []project.Action {
	return []project.Action{
		project.ActionView, project.ActionDeploy, project.ActionRestart, project.ActionRollback, project.ActionPromote, project.ActionApprove,
		project.ActionScale, project.ActionExec, project.ActionDelete, project.ActionRotate, project.ActionQuarantine,
	}
}

// join joins named strings.
func join[T ~string](parts []T, separator string) string {
	var text []string
	for _, part := range parts {
		text = append(text, string(part))
	}
	return strings.Join(text, separator)
}
