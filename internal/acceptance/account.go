package acceptance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
)

// Account is the account at the forge that a member's login belongs to.
type Account struct {
	Login string
	// ID is the forge's id of the account.
	ID string
	// Claimed is the id of another account that came with the login since; empty for
	// none.
	Claimed string
}

// Accounts are the accounts of a project's members, as far as they were seen.
type Accounts []Account

// Member returns the login of the member whose account is known to have an id, and
// comes with that login still; false when another account claims it, or nobody knows.
func (known Accounts) Member(login, id string) (string, bool) {
	for _, account := range known {
		if id != "" && account.ID == id && account.Claimed == "" && strings.EqualFold(account.Login, login) {
			return account.Login, true
		}
	}
	return "", false
}

// Identify returns who a login with the id of an account is, and the accounts as they
// are known then. The first account that comes with a member's login is the member's;
// a login that comes with another one is nobody, and is named so that no member can
// have that name. The accounts are not changed.
func (known Accounts) Identify(force *project.File, login, id string) (string, Accounts) {
	if login == "" {
		return "", known
	}
	at := known.index(login)
	if at < 0 {
		if id != "" && isMember(force, login) {
			return login, append(slices.Clone(known), Account{Login: login, ID: id})
		}
		return login, known
	}
	if known[at].ID == id {
		return login, known
	}
	if id == "" {
		return login + " (no account id)", known
	}
	changed := slices.Clone(known)
	changed[at].Claimed = id
	return fmt.Sprintf("%s (account %s)", login, id), changed
}

// Accept makes the claimed account of a login the member's, and reports whether it
// was claimed by exactly this id. The accounts are not changed.
func (known Accounts) Accept(login, id string) (Accounts, bool) {
	at := known.index(login)
	if at < 0 || id == "" || known[at].Claimed != id {
		return known, false
	}
	changed := slices.Clone(known)
	changed[at].ID, changed[at].Claimed = id, ""
	return changed, true
}

// Of returns the accounts of logins that are members. Whoever is no member any more
// is forgotten: who makes a member of the login again means whoever has it then.
func (known Accounts) Of(force *project.File) Accounts {
	return slices.DeleteFunc(slices.Clone(known), func(a Account) bool { return !isMember(force, a.Login) })
}

func (known Accounts) index(login string) int {
	return slices.IndexFunc(known, func(a Account) bool { return project.SameLogin(a.Login, login) })
}

// isMember reports whether a login has a role of its own. Groups are known to the
// forge by account.
func isMember(force *project.File, login string) bool {
	return force.RoleOf(project.Actor{Login: login}) != ""
}
