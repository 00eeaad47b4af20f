package project

import (
	"cmp"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/acceptance"
	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
)

// identified is what a sync knows about who is who.
type identified struct {
	deliveries []v1alpha1.Delivery // each by whom it really is
	accounts   acceptance.Accounts
	force      *project.File // by which they are members
}

// identify finds out who sent the deliveries that wait, by the file in force. An
// account that an owner accepts is a member's from now on.
func identify(p *v1alpha1.Project, force *project.File, waiting []v1alpha1.Delivery, asked []v1alpha1.Acceptance) identified {
	found := identified{accounts: accountsOf(p), force: force}
	for i := range asked {
		if one := asked[i].Spec.Identity; one != nil && refusedIdentity(p, force, &asked[i]) == "" {
			found.accounts, _ = found.accounts.Accept(one.Login, one.ID)
		}
	}
	elsewhere := map[string]string{} // repositories at other forges
	for _, repository := range p.Spec.Repositories {
		if !sameForge(repository, p.Primary()) {
			elsewhere[repository.Name] = repository.ForgeHost()
		}
	}
	for _, d := range waiting {
		if host, is := elsewhere[d.Spec.Repository]; is && d.Spec.Actor != "" { // a member's login may be somebody else's there
			d.Spec.Actor = fmt.Sprintf("%s (at %s)", d.Spec.Actor, host)
		} else {
			d.Spec.Actor, found.accounts = found.accounts.Identify(force, d.Spec.Actor, d.Spec.ActorID)
		}
		found.deliveries = append(found.deliveries, d)
	}
	return found
}

// sameForge reports whether two repositories have their logins from one forge.
func sameForge(a, b v1alpha1.Repository) bool {
	return a.Forge == b.Forge && (a.API != "" && a.API == b.API || a.ForgeHost() == b.ForgeHost())
}

// refusedIdentity says why an acceptance of an account does not count, empty when it
// does.
func refusedIdentity(p *v1alpha1.Project, force *project.File, asked *v1alpha1.Acceptance) string {
	one := asked.Spec.Identity
	who, known := force.Person(asked.Spec.By)
	_, claimed := accountsOf(p).Accept(one.Login, one.ID)
	switch {
	case !known:
		return fmt.Sprintf("%s may not accept an account: no member of project %s has that user or e-mail in the file in force", asked.Spec.By, p.Name)
	case !who.Role.May(project.ActionChangeMembers, true):
		return fmt.Sprintf("%s may not accept an account: that takes an owner, and the role is %s", asked.Spec.By, who.Role)
	case !claimed:
		return fmt.Sprintf("account %s did not come with the login %s; `slipway can --live` shows the accounts of project %s", one.ID, one.Login, p.Name)
	}
	return ""
}

// accountsOf returns the accounts of a project's members at the forge of its primary
// repository.
func accountsOf(p *v1alpha1.Project) acceptance.Accounts {
	var all acceptance.Accounts
	for _, one := range p.KnownIdentities() {
		all = append(all, acceptance.Account{Login: one.Login, ID: one.ID, Claimed: one.Claimed})
	}
	return all
}

// identities returns accounts as a project's status has them, sorted by login.
func identities(p *v1alpha1.Project, accounts acceptance.Accounts, now metav1.Time) []v1alpha1.Identity {
	var all []v1alpha1.Identity
	for _, account := range accounts {
		one := v1alpha1.Identity{Login: account.Login, Forge: p.Primary().ForgeHost(), ID: account.ID, Since: now, Claimed: account.Claimed}
		for _, known := range p.Status.Identities {
			if known.Login == one.Login && known.Forge == one.Forge && known.ID == one.ID {
				one.Since = known.Since
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b v1alpha1.Identity) int { return cmp.Compare(a.Login, b.Login) })
	return all
}
