package project

import "testing"

// TestRoleTable is the table of roles, on an unprotected and on a protected
// stage: v, d, m and o stand for those who may.
func TestRoleTable(t *testing.T) {
	table := map[Action][2]string{
		ActionView:       {"vdmo", "vdmo"},
		ActionDeploy:     {"dmo", "mo"},
		ActionRestart:    {"dmo", "dmo"},
		ActionRollback:   {"dmo", "mo"},
		ActionPromote:    {"dmo", "mo"},
		ActionApprove:    {"mo", "mo"},
		ActionScale:      {"mo", "mo"},
		ActionSleep:      {"dmo", "mo"},
		ActionExec:       {"mo", "mo"},
		ActionDelete:     {"o", "o"},
		ActionRotate:     {"o", "o"},
		ActionQuarantine: {"o", "o"},

		ActionChangeStages:  {"mo", "mo"},
		ActionChangeMembers: {"o", "o"},

		"unknown": {"", ""},
		"":        {"", ""},
	}
	roles := []Role{RoleViewer, RoleDeveloper, RoleMaintainer, RoleOwner, "", "Owner", "admin"}
	for action, want := range table {
		for i, protected := range []bool{false, true} {
			got := ""
			for _, role := range roles {
				if role.May(action, protected) {
					got += string(role)[:1]
				}
			}
			if got != want[i] {
				t.Errorf("%q on a stage with protected=%v: %q may, want %q", action, protected, got, want[i])
			}
		}
	}
}

func TestRoleOf(t *testing.T) {
	f := &File{Members: []Member{
		{User: "alice", Email: "alice@acme.example", Role: RoleOwner},
		{User: "bob", Role: RoleViewer},
		{Group: "acme/backend", Role: RoleDeveloper},
		{Group: "acme/leads", Role: RoleMaintainer},
		{User: "émile", Role: RoleMaintainer},
		{User: "carl", Role: "king"},
		{Role: RoleOwner},
		{User: "*", Role: RoleOwner},
		{User: "al*", Role: RoleOwner},
		{User: " ", Role: RoleOwner},
		{User: "bob ", Role: RoleOwner},
		{User: "b\u200bob", Role: RoleOwner},
		{User: "b\u043eb", Role: RoleOwner},
		{Group: "*", Role: RoleOwner},
		{Group: "acme/*", Role: RoleOwner},
	}}
	tests := map[string]struct {
		actor Actor
		want  Role
	}{
		"nobody":                     {Actor{}, ""},
		"not a member":               {Actor{Login: "mallory"}, ""},
		"user":                       {Actor{Login: "alice"}, RoleOwner},
		"user in other case":         {Actor{Login: "ALICE"}, RoleOwner},
		"e-mail alone is no proof":   {Actor{Email: "alice@acme.example"}, ""},
		"e-mail of another":          {Actor{Login: "mallory", Email: "alice@acme.example"}, ""},
		"group":                      {Actor{Login: "x", Groups: []string{"acme/backend"}}, RoleDeveloper},
		"highest of user and groups": {Actor{Login: "bob", Groups: []string{"acme/backend", "acme/leads"}}, RoleMaintainer},
		"group of another name":      {Actor{Login: "x", Groups: []string{"acme/backend2", "backend", ""}}, ""},
		"login like a group":         {Actor{Login: "acme/leads"}, ""},
		"group like a login":         {Actor{Login: "x", Groups: []string{"alice"}}, ""},
		"letters beyond ASCII":       {Actor{Login: "émile"}, RoleMaintainer},
		"no folding beyond ASCII":    {Actor{Login: "Émile"}, ""},
		"look-alike":                 {Actor{Login: "\u212alice"}, ""},
		"unknown role":               {Actor{Login: "carl"}, ""},
		"everybody":                  {Actor{Login: "*", Groups: []string{"*", "acme/*"}}, ""},
		"a pattern":                  {Actor{Login: "al*"}, ""},
		"a blank":                    {Actor{Login: " "}, ""},
		"a blank behind":             {Actor{Login: "bob "}, ""},
		"an invisible letter":        {Actor{Login: "b\u200bob"}, ""},
		"two scripts":                {Actor{Login: "b\u043eb"}, ""},
	}
	for name, test := range tests {
		if got := f.RoleOf(test.actor); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
