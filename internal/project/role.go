package project

import "slices"

// Role is what a member may do in a project.
type Role string

// The roles of a project, in rising order.
const (
	RoleViewer     Role = "viewer"
	RoleDeveloper  Role = "developer"
	RoleMaintainer Role = "maintainer"
	RoleOwner      Role = "owner"
)

// Member gives a person or a group a role. Exactly one of User and Group is
// set; Email also identifies a user where the forge reports only an address.
type Member struct {
	User  string `json:"user,omitempty"`
	Email string `json:"email,omitempty"`
	Group string `json:"group,omitempty"`
	Role  Role   `json:"role"`
}

// Action is something a member may want to do to a stage.
type Action string

// The actions of the role table.
const (
	ActionView       Action = "view"
	ActionDeploy     Action = "deploy"
	ActionRestart    Action = "restart"
	ActionRollback   Action = "rollback"
	ActionPromote    Action = "promote"
	ActionApprove    Action = "approve"
	ActionScale      Action = "scale"
	ActionSleep      Action = "sleep" // and wake
	ActionExec       Action = "exec"
	ActionDelete     Action = "delete"
	ActionRotate     Action = "rotate-secret"
	ActionQuarantine Action = "override-quarantine"
)

// The changes of a project file that take a role.
const (
	// ActionChangeStages changes, adds or removes stages, or changes previews.
	ActionChangeStages Action = "change-stages"
	// ActionChangeMembers changes members, or what protects a stage.
	ActionChangeMembers Action = "change-members"
)

// rank orders the roles; an unknown role has rank 0 and may do nothing.
func (r Role) rank() int {
	switch r {
	case RoleViewer:
		return 1
	case RoleDeveloper:
		return 2
	case RoleMaintainer:
		return 3
	case RoleOwner:
		return 4
	}
	return 0
}

// needed returns the rank an action needs; an unknown action needs more than
// anyone has.
func needed(action Action, protected bool) int {
	switch action {
	case ActionView:
		return RoleViewer.rank()
	case ActionDeploy, ActionRollback, ActionPromote, ActionSleep:
		if protected {
			return RoleMaintainer.rank()
		}
		return RoleDeveloper.rank()
	case ActionRestart:
		return RoleDeveloper.rank()
	case ActionApprove, ActionScale, ActionExec, ActionChangeStages:
		return RoleMaintainer.rank()
	case ActionDelete, ActionRotate, ActionQuarantine, ActionChangeMembers:
		return RoleOwner.rank()
	}
	return RoleOwner.rank() + 1
}

// May reports whether the role allows the action on a stage.
func (r Role) May(action Action, protected bool) bool {
	return r.rank() >= needed(action, protected)
}

// Actor is the user who caused something, as the forge identified them. The zero
// Actor is nobody and may do nothing.
type Actor struct {
	Login  string   `json:"login,omitempty"`
	Email  string   `json:"email,omitempty"`
	Groups []string `json:"groups,omitempty"`
}

// IsZero reports whether the actor is unknown.
func (a Actor) IsZero() bool { return a.Login == "" && a.Email == "" && len(a.Groups) == 0 }

// RoleOf returns the highest role that the members give to the actor, empty
// when none. Only the login is matched for users: an e-mail address in a
// commit can be anything its author likes. What is no name matches nobody.
func (f *File) RoleOf(actor Actor) Role {
	var best Role
	for _, m := range f.Members {
		if m.matches(actor) && m.Role.rank() > best.rank() {
			best = m.Role
		}
	}
	return best
}

func (m Member) matches(actor Actor) bool {
	if m.User != "" {
		return IsName(m.User) && SameLogin(m.User, actor.Login)
	}
	return IsName(m.Group) && slices.ContainsFunc(actor.Groups, func(group string) bool { return SameLogin(m.Group, group) })
}
