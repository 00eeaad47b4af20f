package acceptance

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/project"
)

// A login is a member's for as long as the same account has it.
func TestIdentify(t *testing.T) {
	alice := Accounts{{Login: "alice", ID: "42"}}
	tests := map[string]struct {
		known     Accounts
		login, id string
		want      string
		then      Accounts
	}{
		"for the first time":        {nil, "alice", "42", "alice", alice},
		"again":                     {alice, "alice", "42", "alice", alice},
		"in other letters":          {alice, "ALICE", "42", "ALICE", alice},
		"another account":           {alice, "alice", "77", "alice (account 77)", Accounts{{Login: "alice", ID: "42", Claimed: "77"}}},
		"another, in other letters": {alice, "Alice", "77", "Alice (account 77)", Accounts{{Login: "alice", ID: "42", Claimed: "77"}}},
		"and the first again":       {Accounts{{Login: "alice", ID: "42", Claimed: "77"}}, "alice", "42", "alice", Accounts{{Login: "alice", ID: "42", Claimed: "77"}}},
		"a third":                   {Accounts{{Login: "alice", ID: "42", Claimed: "77"}}, "alice", "88", "alice (account 88)", Accounts{{Login: "alice", ID: "42", Claimed: "88"}}},
		"without an id":             {alice, "alice", "", "alice (no account id)", alice},
		"never with an id":          {nil, "alice", "", "alice", nil},
		"no member":                 {nil, "eve", "1", "eve", nil},
		"nobody":                    {alice, "", "1", "", alice},
		"a look-alike":              {Accounts{{Login: "karl", ID: "1"}}, "\u212aarl", "2", "\u212aarl", Accounts{{Login: "karl", ID: "1"}}},
		"renamed":                   {alice, "alice2", "42", "alice2", alice},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			who, then := tt.known.Identify(file(nil), tt.login, tt.id)
			if diff := cmp.Diff(tt.then, then); who != tt.want || diff != "" {
				t.Errorf("it is %q, want %q; the accounts (-want +got):\n%s", who, tt.want, diff)
			}
			if role := file(nil).RoleOf(project.Actor{Login: who}); (role != "") != (who == tt.login && isMember(file(nil), tt.login)) {
				t.Errorf("%q has the role %q", who, role)
			}
		})
	}
}

// An owner accepts exactly the account that was seen.
func TestAcceptAccount(t *testing.T) {
	claimed := Accounts{{Login: "alice", ID: "42", Claimed: "77"}}
	if then, ok := claimed.Accept("Alice", "77"); !ok || then[0] != (Account{Login: "alice", ID: "77"}) || claimed[0].ID != "42" {
		t.Errorf("accepted: %v, %+v; before %+v", ok, then, claimed)
	}
	for _, wrong := range [][2]string{{"alice", "42"}, {"alice", ""}, {"bob", "77"}, {"alice", "78"}} {
		if then, ok := claimed.Accept(wrong[0], wrong[1]); ok || then[0].ID != "42" {
			t.Errorf("%v was accepted", wrong)
		}
	}
	if _, ok := (Accounts{{Login: "alice", ID: "42"}}).Accept("alice", ""); ok {
		t.Error("nothing was claimed, and it is accepted")
	}
}

// Whoever is no member any more is forgotten.
func TestAccountsOfMembers(t *testing.T) {
	all := Accounts{{Login: "Alice", ID: "42"}, {Login: "eve", ID: "1"}, {Login: "dev", ID: "7"}}
	want := Accounts{{Login: "Alice", ID: "42"}, {Login: "dev", ID: "7"}}
	if diff := cmp.Diff(want, all.Of(file(nil))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
