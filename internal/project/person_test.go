package project

import "testing"

func TestPerson(t *testing.T) {
	f := &File{Members: []Member{
		{User: "alice", Email: "alice@acme.example", Role: RoleOwner},
		{User: "bob", Role: RoleViewer},
		{User: "bobby", Email: "bob", Role: RoleDeveloper},
		{Group: "acme/backend", Role: RoleDeveloper},
		{User: "carl", Role: "king"},
	}}
	tests := map[string]struct {
		username, login string
		role            Role
	}{
		"user":                     {"alice", "alice", RoleOwner},
		"e-mail":                   {"alice@acme.example", "alice", RoleOwner},
		"other case":               {"Alice", "", ""},
		"nobody":                   {"", "", ""},
		"not a member":             {"eve", "", ""},
		"group's name":             {"acme/backend", "", ""},
		"the highest of two":       {"bob", "bobby", RoleDeveloper},
		"unknown role":             {"carl", "", ""},
		"service account of a pod": {"system:serviceaccount:default:alice", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			member, found := f.Person(tt.username)
			if member.User != tt.login || member.Role != tt.role || found != (tt.login != "") {
				t.Errorf("Person(%q) = %+v, %v", tt.username, member, found)
			}
		})
	}
}
