package file

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
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
	// Account says which account at the forge the user is, with --live.
	Account string `json:"account,omitempty"`
}

type canCommand struct {
	offline.Repository
	control.Connection
	groups []string
	live   bool
	format string
}

// NewCan returns the command can.
func NewCan(streams stream.Streams) *cobra.Command {
	c := &canCommand{Repository: offline.Repository{Streams: streams}}
	command := &cobra.Command{
		Use:     "can USER ACTION STAGE",
		Short:   "Tell whether somebody may do something to a stage, and why",
		GroupID: "repository",
		Long: `Tell whether somebody may do something to a stage, and why.

USER is a login at the forge. Which groups it belongs to only the forge knows:
name them with --group. With --live the control cluster is asked which account at
the forge the login belongs to: a login that changed hands is nobody.

The actions are ` + output.Join(actions(), ", ") + `.

The exit code is 0 for yes and 3 for no.`,
		Example: `  slipway can alice deploy production
  slipway can bob approve production --group acme/backend`,
		Args: cobra.ExactArgs(3),
		RunE: func(command *cobra.Command, args []string) error {
			return c.run(command.Context(), args[0], project.Action(args[1]), args[2])
		},
	}
	c.Repository.Flags(command)
	c.Connection.Flags(command)
	command.Flags().BoolVar(&c.live, "live", false, "ask the control cluster which account the user is")
	command.Flags().StringSliceVar(&c.groups, "group", nil, "a group that the user belongs to")
	output.AddFlag(command, &c.format)
	return command
}

func (c *canCommand) run(ctx context.Context, user string, action project.Action, stage string) error {
	if !slices.Contains(actions(), action) {
		return exit.WrongUsage(fmt.Errorf("%.60q is no action; the actions are %s", action, output.Join(actions(), ", ")))
	}
	if user == "" {
		return exit.WrongUsage(errors.New("the user is empty; give a login at the forge"))
	}
	opened, err := c.Open()
	if err != nil {
		return err
	}
	rule, err := offline.FindRule(opened.Document.File, stage)
	if err != nil {
		return err
	}
	v := judge(opened.Document, project.Actor{Login: user, Groups: c.groups}, action, rule)
	if c.live {
		if v.Account, err = c.account(ctx, opened.Document.File.Project, user); err != nil {
			return err
		}
	}
	if err := output.New(c.Streams, c.format).Print(v, v.text); err != nil {
		return err
	}
	if !v.Allowed {
		return exit.Found(1)
	}
	return nil
}

func (v verdict) text(t *output.Table) {
	answer, m := "yes", output.Good
	if !v.Allowed {
		answer, m = "no", output.Bad
	}
	t.Marked(m, answer+": "+v.Why)
	for _, gate := range v.Also {
		t.Row("also: " + gate)
	}
	if v.Account != "" {
		t.Row("account: " + v.Account)
	}
}

// account says which account at the forge a user is, as the control cluster has it.
func (c *canCommand) account(ctx context.Context, name, user string) (string, error) {
	made, err := c.Client()
	if err != nil {
		return "", err
	}
	found, err := operate.Projects{Client: made}.Find(ctx, c.Scope(), name)
	if err != nil {
		return "", err
	}
	return operate.IdentityText(found, user), nil
}

// judge decides by the table of roles, and says why.
func judge(doc *projectfile.Document, actor project.Actor, action project.Action, rule project.Stage) verdict {
	v := verdict{User: actor.Login, Action: action, Stage: rule.Name, Role: doc.File.RoleOf(actor), Needs: needs(action, rule.Protected)}
	v.Allowed = v.Role.May(action, rule.Protected)
	who := actor.Login + " is no member of project " + doc.File.Project + " (" + offline.Where(doc, "members") + ")"
	if v.Role != "" {
		who = fmt.Sprintf("%s is %s (%s)", actor.Login, v.Role, grantedAt(doc, actor, v.Role))
	}
	kind := "stage " + rule.Name
	if rule.Protected {
		kind = "the protected stage " + rule.Name + " (" + offline.WhereStage(doc, rule.Name, "protected") + ")"
	}
	v.Why = fmt.Sprintf("%s, and to %s %s takes %s", who, action, kind, orHigher(v.Needs))
	if !v.Allowed {
		v.Why += byGroup(doc.File, actor, action, rule)
	}
	if v.Allowed && (action == project.ActionDeploy || action == project.ActionPromote) {
		v.Also = offline.Gates(doc, rule)
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
			return offline.Where(doc, fmt.Sprintf("members[%d]", i))
		}
	}
	return offline.Where(doc, "members")
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

func roles() []project.Role {
	return []project.Role{project.RoleViewer, project.RoleDeveloper, project.RoleMaintainer, project.RoleOwner}
}

func actions() []project.Action {
	return []project.Action{
		project.ActionView, project.ActionDeploy, project.ActionRestart, project.ActionRollback, project.ActionPromote, project.ActionApprove,
		project.ActionScale, project.ActionSleep, project.ActionExec, project.ActionDelete, project.ActionRotate, project.ActionQuarantine,
	}
}
