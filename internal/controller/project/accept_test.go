package project

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// A change of who may do what is in force when all who made it may make it, or when
// somebody who may accepted it. Until then the file before it counts.
func TestAcceptance(t *testing.T) {
	tests := map[string]struct {
		project func(*v1alpha1.Project)
		happens string
		force   string // the variant whose members, stages and previews are in force
		held    string // the authors of what is held; "nobody" when they are unknown
		number  int64  // of the acceptance in force; 0 is not looked at
	}{
		"the first file":                                       {happens: "", force: "", number: 1},
		"an owner's":                                           {happens: "alice pushes b: eve; sync", force: "eve", number: 2},
		"somebody writes himself in":                           {happens: "mallory pushes b: eve; sync", held: "mallory"},
		"a developer raises himself":                           {happens: "dev pushes b: risen; sync", held: "dev"},
		"a maintainer adds an owner":                           {happens: "mia pushes b: eve; sync", held: "mia"},
		"a maintainer adds a viewer":                           {happens: "mia pushes b: bob; sync", held: "mia"},
		"an owner's e-mail is stolen":                          {happens: "mia pushes b: stolen; sync", held: "mia"},
		"a maintainer opens a stage":                           {happens: "mia pushes b: open; sync", held: "mia"},
		"a maintainer drops the approvals":                     {happens: "mia pushes b: unapproved; sync", held: "mia"},
		"a maintainer removes a protected stage":               {happens: "mia pushes b: gone; sync", held: "mia"},
		"a maintainer's stage":                                 {happens: "mia pushes b: more host; sync", force: "more host"},
		"a maintainer's previews":                              {happens: "mia pushes b: previews; sync", force: "previews"},
		"a maintainer's branch":                                {happens: "mia pushes b: branch; sync", force: "branch"},
		"a developer's stage":                                  {happens: "dev pushes b: more; sync", held: "dev"},
		"a developer's host":                                   {happens: "dev pushes b: host; sync", held: "dev"},
		"a developer's previews of forks":                      {happens: "dev pushes b: previews; sync", held: "dev"},
		"a developer's services":                               {happens: "dev pushes b: web2; sync", force: "web2", number: 1},
		"a developer's overlay":                                {happens: "dev pushes b: overlaid; sync", force: "overlaid", number: 1},
		"a member of an owning group":                          {happens: "hugo pushes b: eve; sync", force: "eve"},
		"nobody known":                                         {happens: "nobody pushes b: eve; sync", held: "nobody"},
		"a robot":                                              {happens: "renovate[bot] pushes b: more; sync", held: "renovate[bot]"},
		"the delivery comes late":                              {happens: "nobody pushes b: eve; sync; alice reports a b; sync", force: "eve"},
		"a stranger's delivery comes late":                     {happens: "nobody pushes b: eve; sync; mallory reports a b; sync", held: "mallory"},
		"late deliveries of two pushes":                        {happens: "nobody pushes b: eve; nobody pushes c: eve web2; sync; alice reports a b; mallory reports b c; sync", force: "eve web2"},
		"an owner on top, in another sync":                     {happens: "mallory pushes b: eve; sync; alice pushes c: eve web2; sync", held: "mallory"},
		"an owner on top, in one sync":                         {happens: "mallory pushes b: eve; alice pushes c: eve web2; sync", held: "mallory"},
		"an owner changes more on top":                         {happens: "mallory pushes b: eve; alice pushes c: eve bob; sync", held: "alice mallory"},
		"a stranger on top of an owner":                        {happens: "alice pushes b: bob; mallory pushes c: bob eve; sync", held: "alice mallory"},
		"a stranger's commit on top of an owner":               {happens: "alice pushes b: bob; mallory pushes c: bob web2; sync", force: "bob web2"},
		"an owner takes it back and adds another":              {happens: "mallory pushes b: eve; sync; alice pushes c: bob; sync", force: "bob"},
		"a revert by its author":                               {happens: "mallory pushes b: eve; sync; mallory pushes c: ; sync", force: "", number: 1},
		"a revert by a developer":                              {happens: "mallory pushes b: eve; sync; dev pushes c: web2; sync", force: "web2", number: 1},
		"a force push back":                                    {happens: "mallory pushes b: eve; sync; mallory pushes a: ; sync", force: "", number: 1},
		"a force push to the same again":                       {happens: "alice pushes b: eve; sync; alice pushes a: ; sync; mallory pushes b: eve; sync", held: "mallory", number: 3},
		"an old delivery of an owner again":                    {happens: "alice pushes b: eve; sync; alice pushes a: ; sync; nobody pushes b: eve; again alice reports a b; sync", held: "nobody"},
		"an owner's delivery is replayed":                      {happens: "alice pushes b: eve; sync; alice pushes a: ; sync; nobody pushes b: eve; replayed alice reports a b; sync", held: "nobody"},
		"two who may have pushed it":                           {happens: "mallory pushes b: eve; alice reports a b; sync", held: "alice mallory"},
		"an owner approved the pull request":                   {happens: "alice#1 pushes b: ; sync; alice#1 reviews c: eve; mallory pushes c: eve; sync", force: "eve", number: 2},
		"an owner approved it after it was merged":             {happens: "alice#1 pushes b: ; sync; mallory pushes c: eve; sync; alice#1 reviews c: eve; sync", force: "eve", number: 2},
		"an owner approved it, and others changed more on top": {happens: "alice#1 pushes b: ; sync; alice#1 reviews c: eve; mallory pushes c: eve; dev pushes d: eve web2; sync", held: "mallory"},
		"an owner approved it, and others pushed on top":       {happens: "alice#1 pushes b: ; sync; alice#1 reviews c: eve; mallory pushes c: eve; dev pushes d: eve; sync", force: "eve", number: 2},
		"an owner approved another file":                       {happens: "alice#1 pushes b: ; sync; alice#1 reviews c: bob; mallory pushes c: eve; sync", held: "mallory"},
		"a maintainer approved what takes an owner":            {happens: "mia#2 pushes b: ; sync; mia#2 reviews c: eve; mallory pushes c: eve; sync", held: "mallory"},
		"a maintainer approved a stage":                        {happens: "mia#2 pushes b: ; sync; mia#2 reviews c: more; dev pushes c: more; sync", force: "more"},
		"a stranger approved it":                               {happens: "eve#3 pushes b: ; sync; eve#3 reviews c: eve; mallory pushes c: eve; sync", held: "mallory"},
		"an account with an owner's login approved it":         {happens: "alice#1 pushes b: ; sync; alice#9 reviews c: eve; mallory pushes c: eve; sync", held: "mallory"},
		"an owner whom nobody has seen yet approved it":        {happens: "alice#1 reviews b: eve; mallory pushes b: eve; sync", held: "mallory"},
		"an owner whose account is claimed approved it":        {happens: "alice#1 pushes b: ; sync; alice#9 pushes c: ; sync; alice#1 reviews d: eve; mallory pushes d: eve; sync", held: "mallory"},
		"a member of the owners' group approved it":            {happens: "hugo#5 reviews b: eve; mallory pushes b: eve; sync", force: "eve", number: 2},
		"a member of no such group approved it":                {happens: "nina#6 reviews b: eve; mallory pushes b: eve; sync", held: "mallory"},
		"a merge that was approved is brought back":            {happens: "alice#1 pushes b: ; sync; alice#1 reviews c: eve; mallory pushes c: eve; sync; alice#1 pushes b: ; sync; mallory pushes c: eve; sync", held: "mallory", number: 3},
		"an owner's detour":                                    {happens: "alice pushes b: eve; alice pushes c: bob; sync", force: "bob"},
		"a lost delivery below an owner's":                     {happens: "nobody pushes b: web2; alice pushes c: eve web2; sync", force: "eve web2"},
		"a lost delivery of the change":                        {happens: "nobody pushes b: eve; alice pushes c: eve web2; sync", held: "nobody"},
		"a delivery that leads elsewhere":                      {happens: "nobody pushes b: eve; alice reports a d; sync", held: "nobody"},
		"a broken file on the way":                             {happens: "mallory pushes b: eve wrong; alice pushes c: eve; sync", held: "alice mallory"},
		"an owner's broken file on the way":                    {happens: "alice pushes b: eve wrong; alice pushes c: eve; sync", force: "eve"},
		"a broken file before":                                 {happens: "mallory pushes b: eve wrong; sync; alice pushes c: eve; sync", held: "nobody"},
		"an owner accepts":                                     {happens: "mallory pushes b: eve; sync; alice accepts eve; sync", force: "eve", number: 2},
		"an owner accepts by e-mail":                           {happens: "mallory pushes b: eve; sync; alice@acme.example accepts eve; sync", force: "eve"},
		"a maintainer accepts an owner":                        {happens: "mallory pushes b: eve; sync; mia accepts eve; sync", held: "mallory"},
		"a maintainer accepts a stage":                         {happens: "dev pushes b: more; sync; mia accepts more; sync", force: "more"},
		"its author accepts":                                   {happens: "mallory pushes b: eve; sync; mallory accepts eve; sync", held: "mallory"},
		"the one who gains it accepts":                         {happens: "mallory pushes b: eve; sync; eve accepts eve; sync", held: "mallory"},
		"the thief of an e-mail accepts":                       {happens: "mia pushes b: stolen; sync; mallory@acme.example accepts stolen; sync", held: "mia"},
		"an owner accepts what was changed since":              {happens: "mallory pushes b: bob; sync; mallory pushes c: bob eve; alice accepts bob; sync", held: "mallory"},
		"an owner accepts, and services change":                {happens: "mallory pushes b: eve; sync; mallory pushes c: eve web2; alice accepts eve; sync", held: "mallory"},
		"a later proposal replaces it":                         {happens: "mallory pushes b: eve; sync; mallory pushes c: bob; sync; alice accepts bob; sync", force: "bob"},
		"an owner accepts before it is there":                  {happens: "alice accepts eve; sync; mallory pushes b: eve; sync", held: "mallory"},
		"an acceptance counts once":                            {happens: "mallory pushes b: eve; sync; alice accepts eve; sync; alice pushes c: ; sync; mallory pushes d: eve; sync", held: "mallory"},
		"branch protection is believed":                        {project: trusting, happens: "mallory pushes b: eve; sync", force: "eve", number: 2},
		"branch protection, nobody known":                      {project: trusting, happens: "nobody pushes b: eve; sync", force: "eve"},
		"held through a restart":                               {happens: "mallory pushes b: eve; sync; restart; sync; alice pushes c: eve web2; restart; sync", held: "mallory"},
		"the accepted commit is forced away":                   {happens: "mallory pushes b: eve; forget a; restart; sync", held: "mallory"},
		"and an owner accepts":                                 {happens: "mallory pushes b: eve; forget a; restart; sync; alice accepts eve; sync", force: "eve"},
		"an owner comments":                                    {happens: "mallory pushes b: eve; sync; alice#1 comments approve b; sync", force: "eve", number: 2},
		"an owner comments without a commit":                   {happens: "mallory pushes b: eve; sync; alice#1 comments approve; sync", force: "eve"},
		"an owner comments on what was changed since":          {happens: "mallory pushes b: bob; sync; alice#1 comments approve b; mallory pushes c: bob eve; sync", held: "mallory"},
		"an owner's comment meets another file":                {happens: "mallory pushes b: bob; sync; mallory pushes c: bob eve; sync; alice#1 wrote approve; sync", held: "mallory"},
		"an owner commented before anything was held":          {happens: "mallory pushes b: eve; sync; alice#1 wrote approve; sync", held: "mallory"},
		"an owner's comment comes with the push":               {happens: "mallory pushes b: eve; alice#1 comments approve; sync", held: "mallory"},
		"an owner comments on another commit":                  {happens: "mallory pushes b: eve; sync; alice#1 comments approve a; sync", held: "mallory"},
		"an owner's comment counts once":                       {happens: "mallory pushes b: eve; sync; again alice#1 comments approve b; sync", held: "mallory"},
		"an owner comments something else":                     {happens: "mallory pushes b: eve; sync; alice#1 comments help; sync", held: "mallory"},
		"a maintainer comments on an owner":                    {happens: "mallory pushes b: eve; sync; mia#2 comments approve b; sync", held: "mallory"},
		"a maintainer comments on a stage":                     {happens: "dev pushes b: more; sync; mia#2 comments approve b; sync", force: "more"},
		"a developer comments":                                 {happens: "dev#3 pushes b: more; sync; dev#3 comments approve b; sync", held: "dev"},
		"its author comments":                                  {happens: "mallory pushes b: eve; sync; mallory#6 comments approve b; sync", held: "mallory"},
		"the one who gains it comments":                        {happens: "mallory pushes b: eve; sync; eve#5 comments approve b; sync", held: "mallory"},
		"another account with an owner's login comments":       {happens: "alice#1 pushes b: ; sync; mallory pushes c: eve; sync; alice#9 comments approve c; sync", held: "mallory"},
		"an account without an id comments":                    {happens: "mallory pushes b: eve; sync; alice comments approve b; sync", held: "mallory"},
		"an owner whose account is claimed comments":           {happens: "alice#1 pushes b: ; sync; alice#9 comments help; sync; mallory pushes c: eve; sync; alice#1 comments approve c; sync", held: "mallory"},
		"a member of an owning group comments":                 {happens: "mallory pushes b: eve; sync; hugo#8 comments approve b; sync", held: "mallory"},
		"an owner's login at its end comments":                 {happens: "mallory pushes b: eve; sync; xalice#7 comments approve b; sync", held: "mallory"},
		"who was made owner makes owners":                      {happens: "alice pushes b: eve; eve pushes c: eve bob; sync", held: "alice eve"},
		"who was made owner before":                            {happens: "alice pushes b: eve; sync; eve pushes c: eve bob; sync", force: "eve bob"},
		"who was an owner before":                              {happens: "alice pushes b: eve; sync; alice pushes c: ; sync; eve pushes d: bob; sync", held: "eve"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLife(t, tt.project)
			for line := range strings.SplitSeq(tt.happens, ";") {
				if line = strings.TrimSpace(line); line != "" {
					l.play(t, line)
				}
			}
			l.check(t, tt.force, tt.held, tt.number)
		})
	}
}

// The forge does not answer: what a group may decide waits, and is looked at again.
func TestGroupsThatTheForgeDoesNotTell(t *testing.T) {
	l := newLife(t, nil)
	l.repos.errs["Members"] = fault.New(fault.Unavailable, "forge.example does not answer")
	l.play(t, "hugo pushes b: eve")
	l.play(t, "sync")
	if held := l.project(t).Status.Held; held == nil || !strings.Contains(held.Message, "the forge does not say who is in acme/heads: forge.example does not answer") {
		t.Fatalf("held is %+v", held)
	}
	delete(l.repos.errs, "Members")
	l.play(t, "sync")
	l.check(t, "eve", "", 2)
}

// Whoever accepts is told what came of it.
func TestAnswersToAcceptances(t *testing.T) {
	tests := map[string]struct {
		happens string
		want    string
	}{
		"it counts":           {"mallory pushes b: eve; sync; alice accepts eve; sync", "Accepted: slipway.yaml of commit bbbbbbbb is in force as a whole"},
		"by a maintainer":     {"mallory pushes b: eve; sync; mia accepts eve; sync", "Refused: mia may not accept it: the role maintainer does not allow it; slipway.yaml of commit bbbbbbbb is held: eve becomes owner; that takes an owner, and it was pushed by mallory (no member)."},
		"by a stranger":       {"mallory pushes b: eve; sync; eve accepts eve; sync", "Refused: eve may not accept it: no member of project shop has that user or e-mail in the file in force"},
		"nothing is held":     {"alice accepts eve; sync", "Refused: no slipway.yaml of project shop is held"},
		"it is in force":      {"alice accepts ; sync", "Accepted: slipway.yaml of commit aaaaaaaa is in force as a whole"},
		"of another file":     {"mallory pushes b: eve; sync; mallory pushes c: eve bob; alice accepts eve; sync", "Refused: slipway.yaml was changed meanwhile: that of commit cccccccc is held now"},
		"an account":          {"dev#7 pushes b: ; sync; dev#8 pushes c: ; sync; alice accepts dev#8; sync", "Accepted: account 8 is dev from now on"},
		"an account, by mia":  {"dev#7 pushes b: ; sync; dev#8 pushes c: ; sync; mia accepts dev#8; sync", "Refused: mia may not accept an account: that takes an owner, and the role is maintainer"},
		"an account, by eve":  {"dev#7 pushes b: ; sync; dev#8 pushes c: ; sync; eve accepts dev#8; sync", "Refused: eve may not accept an account: no member of project shop"},
		"an unseen account":   {"dev#7 pushes b: ; sync; alice accepts dev#8; sync", "Refused: account 8 did not come with the login dev"},
		"the file is a wrong": {"mallory pushes b: eve; sync; mallory pushes c: eve wrong; alice accepts eve; sync", "Refused: project shop can't be synced: slipway.yaml:"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLife(t, nil)
			for line := range strings.SplitSeq(tt.happens, ";") {
				l.play(t, strings.TrimSpace(line))
			}
			var all v1alpha1.AcceptanceList
			if err := l.client.List(t.Context(), &all); err != nil || len(all.Items) != 1 {
				t.Fatalf("%d acceptances: %v", len(all.Items), err)
			}
			if got := string(all.Items[0].Status.Phase) + ": " + all.Items[0].Status.Message; !strings.HasPrefix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Acceptances that were decided go with time, and the oldest of too many at once.
func TestAcceptancesAreBounded(t *testing.T) {
	l := newLife(t, nil)
	for range maxAcceptances + 10 {
		l.play(t, "eve accepts eve")
	}
	l.play(t, "sync")
	count := func() int {
		var all v1alpha1.AcceptanceList
		if err := l.client.List(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		return len(all.Items)
	}
	if n := count(); n != maxAcceptances {
		t.Errorf("%d acceptances are kept", n)
	}
	l.now = l.now.Add(2 * acceptanceTTL)
	l.reconcile(t)
	if n := count(); n != 0 {
		t.Errorf("%d old acceptances are kept", n)
	}
}

// Whoever pushed to another repository, or the file that is in force, is known for
// as long as it is there.
func TestActorsOfContributions(t *testing.T) {
	l := newLife(t, func(p *v1alpha1.Project) {
		p.Spec.Repositories = append(p.Spec.Repositories,
			v1alpha1.Repository{Name: "api", URL: "ssh://git@GIT.example:2222/acme/api.git"}, v1alpha1.Repository{Name: "foreign", URL: "https://elsewhere.example/acme/foreign.git"})
	})
	api := func(commit string) {
		l.repos.secondary = []v1alpha1.RepositoryCommit{{Repository: "api", Commit: commitOf(commit)}}
	}
	pushed := func(by, commit string, change func(*v1alpha1.Delivery)) {
		l.create(t, push(fmt.Sprintf("delivery-%d", l.next()), func(d *v1alpha1.Delivery) {
			d.Spec.Repository, d.Spec.Ref, d.Spec.Actor, d.Spec.After = l.repos.secondary[0].Repository, "refs/heads/main", by, commitOf(commit)
			if change != nil {
				change(d)
			}
		}))
		l.repos.secondary = []v1alpha1.RepositoryCommit{{Repository: l.repos.secondary[0].Repository, Commit: commitOf(commit)}}
	}
	check := func(file, secondary string) {
		t.Helper()
		l.play(t, "sync")
		force := l.project(t).Status.File
		if force.Actor != file || force.Secondary[0].Actor != secondary {
			t.Errorf("the file is %q's, the commit of the other repository %q's; want %q and %q", force.Actor, force.Secondary[0].Actor, file, secondary)
		}
		if l.repos.heads[mainRef] == commitA {
			return
		}
		if wanted := l.stages(t)["production"].Spec.Wanted; wanted.FileActor != file {
			t.Errorf("the stage has the file of %q", wanted.FileActor)
		}
	}
	api("1")
	check("(registration)", "")
	pushed("mallory", "2", nil)
	check("(registration)", "mallory")
	l.play(t, "alice pushes b: web2")
	check("alice", "mallory")
	l.play(t, "dev pushes c: web2")
	check("alice", "mallory")
	pushed("mia", "3", func(d *v1alpha1.Delivery) { d.Status.Attempts = 1 })
	check("alice", "")
	pushed("mia", "3", nil) // which comes late
	check("alice", "mia")
	pushed("mia", "4", nil)
	pushed("mallory", "4", nil)
	check("alice", "")
	l.play(t, "dev pushes d: web2 eve")
	l.play(t, "alice pushes e: web2 eve")
	check("dev", "")
	l.play(t, "alice accepts web2 eve")
	check("alice", "")
	l.play(t, "nobody pushes f: eve")
	check("", "")
	l.repos.secondary = []v1alpha1.RepositoryCommit{{Repository: "foreign", Commit: commitOf("5")}}
	pushed("mia", "6", nil)
	check("", "mia (at elsewhere.example)")
}

// Whoever registers a project answers for what is there then.
func TestRegistrationAnswersForWhatIsThere(t *testing.T) {
	f := newFixture(t, newProject(nil))
	f.repos.secondary = []v1alpha1.RepositoryCommit{{Repository: "api", Commit: commitA}}
	f.reconcile(t)
	force := f.project(t).Status.File
	if force.Actor != v1alpha1.ActorRegistration || force.Secondary[0].Actor != v1alpha1.ActorRegistration || force.Accepted.Reason != v1alpha1.AcceptedRegistered {
		t.Errorf("in force is %+v, accepted %+v", force, force.Accepted)
	}
}

// Whoever comments is told what came of it.
func TestAnswersToComments(t *testing.T) {
	b := commitOf("b")
	tests := map[string]struct {
		happens string
		want    string
	}{
		"it counts":              {"mallory pushes b: eve; sync; alice#1 comments approve b; sync", "done: slipway.yaml of commit bbbbbbbb is in force as a whole"},
		"by a maintainer":        {"mallory pushes b: eve; sync; mia#2 comments approve b; sync", "not done: mia may not accept it: the role maintainer does not allow it"},
		"by a developer":         {"mallory pushes b: eve; sync; dev#3 comments approve b; sync", "not done: that takes the role maintainer, and dev is developer"},
		"by a stranger":          {"mallory pushes b: eve; sync; eve#5 comments approve b; sync", "not done: eve is no member of the project"},
		"by another account":     {"alice#1 pushes b: ; sync; mallory pushes c: eve; sync; alice#9 comments approve c; sync", "not done: alice (account 9) is no member"},
		"nothing is held":        {"alice#1 comments approve; sync", "not done: nothing waits to be approved"},
		"of another commit":      {"mallory pushes b: eve; sync; alice#1 comments approve a; sync", "not done: commit aaaaaaaa is not what waits: that is slipway.yaml of commit " + b},
		"before it was held":     {"mallory pushes b: eve; sync; alice#1 wrote approve; sync", "not done: slipway.yaml of commit bbbbbbbb is held, and was not when the comment was written; look at it, and write `/slipway approve " + b + "`"},
		"a preview of no file":   {"dev#3 comments preview; sync", "not done: slipway.yaml asks for no previews"},
		"something else":         {"alice#1 comments help; sync", ""},
		"what nobody knows":      {"alice#1 comments destroy; sync", ""},
		"an abbreviated commit":  {"alice#1 comments approve bbbbbbbb; sync", ""},
		"a delivery that is old": {"mallory pushes b: eve; sync; again alice#1 comments approve b; sync", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLife(t, nil)
			for line := range strings.SplitSeq(tt.happens, ";") {
				l.play(t, strings.TrimSpace(line))
			}
			got := ""
			for _, task := range l.Cleaner.tasks {
				if task.marked == nil || !isCommand(task.marked) || task.marked.Status.Answer == nil {
					continue
				}
				got = map[bool]string{true: "not done: ", false: "done: "}[task.marked.Status.Answer.Refused] + task.marked.Status.Answer.Message
			}
			if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
