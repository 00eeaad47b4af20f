package project

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/scm"
)

// variant returns a project file that says what its words say: each changes
// something of a file with the owner alice, the owners acme/heads, the maintainer
// mia and the developer dev.
func variant(words string) string {
	has := func(word string) bool {
		return strings.Contains(" "+words+" ", " "+word+" ")
	}
	pick := func(word, yes, no string) string {
		if has(word) {
			return yes
		}
		return no
	}
	return "version: 1\nproject: shop\nmembers:\n- {user: alice, email: " + pick("stolen", "mallory@acme.example", "alice@acme.example") + ", role: owner}\n" +
		"- {group: acme/heads, role: owner}\n- {user: mia, role: maintainer}\n- {user: dev, role: " + pick("risen", "owner", "developer") + "}\n" +
		pick("eve", "- {user: eve, role: owner}\n", "") + pick("bob", "- {user: bob, role: viewer}\n", "") +
		"stages:\n" + pick("gone", "", "- {name: production, branch: main, protected: "+pick("open", "false", "true")+pick("unapproved", "", ", requires: {approvals: 1}")+pick("overlaid", ", overlay: deploy/new", "")+"}\n") +
		"- {name: staging, branch: " + pick("branch", "staging", "main") + pick("host", ", hosts: {web: shop.acme.example}", "") + "}\n" +
		pick("more", "- {name: more, branch: more}\n", "") + pick("previews", "previews: {from: staging, forks: always}\n", "") +
		"services: {web: {image: \"web:" + pick("web2", "2", "1") + "\", port: 80" + pick("host", ", routes: [{path: /}]", "") + "}}\n" +
		pick("wrong", "surprise: true\n", "")
}

// lives plays what happens to a project, a line each:
//
//	alice pushes b: eve      the trusted ref moves to b, whose file is variant("eve"),
//	                         and the forge reports it
//	nobody pushes b: eve     it moves, and no delivery comes
//	alice#42 pushes b: eve   the same, from the account 42
//	alice reports a b        a delivery comes: alice moved it from a to b
//	again alice reports a b  the same, of a delivery that was dealt with before
//	replayed alice reports a b
//	alice accepts eve        somebody accepts variant("eve")
//	alice accepts dev#77     somebody accepts the account 77 as dev's
//	alice#1 reviews b: eve   the account 1 approved variant("eve") in a pull request that was merged as b
//	alice#1 comments approve the account 1 of alice writes "/slipway approve" under pull request 7; letters
//	                         stand for commits
//	alice#1 wrote approve    the same, before what came last
//	again alice#1 comments approve
//	sync                     what waits is served
//	restart                  the server starts anew
//	forget a                 commit a is no longer in the repository
type life struct {
	*fixture
	at     string // the letter of the trusted ref's commit
	served int    // deliveries
}

func commitOf(letter string) string { return strings.Repeat(letter, 40) }

func (l *life) play(t *testing.T, line string) {
	t.Helper()
	head, words, _ := strings.Cut(line, ":")
	fields := strings.Fields(head)
	words = strings.TrimSpace(words)
	switch {
	case len(fields) == 3 && fields[1] == "pushes":
		if fields[0] != "nobody" {
			l.deliver(t, fields[0], l.at, fields[2], nil)
		}
		l.repos.files[commitOf(fields[2])] = variant(words)
		l.at, l.repos.heads[mainRef] = fields[2], commitOf(fields[2])
	case len(fields) == 4 && fields[1] == "reports":
		l.deliver(t, fields[0], fields[2], fields[3], nil)
	case len(fields) == 5 && fields[0] == "again":
		l.deliver(t, fields[1], fields[3], fields[4], func(d *v1alpha1.Delivery) { d.Status.Attempts, d.Status.Phase = 1, v1alpha1.DeliveryPending })
	case len(fields) == 5 && fields[0] == "replayed":
		l.deliver(t, fields[1], fields[3], fields[4], func(d *v1alpha1.Delivery) { d.Annotations = map[string]string{v1alpha1.AnnotationReplay: "now"} })
	case len(fields) >= 2 && fields[1] == "accepts":
		name := fmt.Sprintf("acceptance-%d", l.next())
		l.create(t, &v1alpha1.Acceptance{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name), CreationTimestamp: metav1.Time{Time: l.now}},
			Spec:       accepted(fields[0], strings.Join(fields[2:], " ")),
		})
	case len(fields) >= 3 && (fields[1] == "comments" || fields[1] == "wrote"):
		l.comment(t, fields[0], fields[2:], fields[1] == "wrote", false)
	case len(fields) >= 4 && fields[0] == "again" && fields[2] == "comments":
		l.comment(t, fields[1], fields[3:], false, true)
	case len(fields) == 3 && fields[1] == "reviews":
		login, id, _ := strings.Cut(fields[0], "#")
		l.repos.merged[commitOf(fields[2])] = &scm.Merged{At: l.now.Add(time.Minute), Head: commitOf("9"), File: fileID(variant(words)), Approvals: []scm.Approval{{Login: login, ID: id}}}
	case head == "sync":
		l.now = l.now.Add(time.Hour)
		l.reconcile(t)
	case head == "restart":
		l.Reconciler = New(*l.Reconciler)
	case len(fields) == 2 && fields[0] == "forget":
		l.repos.lost[commitOf(fields[1])] = true
	default:
		t.Fatalf("%q is nothing that happens", line)
	}
}

// accepted is what somebody accepts: a variant of the file, or LOGIN#ID.
func accepted(by, what string) v1alpha1.AcceptanceSpec {
	if login, id, is := strings.Cut(what, "#"); is {
		return v1alpha1.AcceptanceSpec{Project: "shop", By: by, Identity: &v1alpha1.AcceptedIdentity{Login: login, ID: id}}
	}
	return v1alpha1.AcceptanceSpec{Project: "shop", By: by, File: fileID(variant(what))}
}

func (l *life) next() int { l.served++; return l.served }

func (l *life) create(t *testing.T, o client.Object) {
	t.Helper()
	if err := l.client.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func (l *life) deliver(t *testing.T, by, before, after string, change func(*v1alpha1.Delivery)) {
	t.Helper()
	l.create(t, push(fmt.Sprintf("delivery-%d", l.next()), func(d *v1alpha1.Delivery) {
		d.Spec.Actor, d.Spec.ActorID, _ = strings.Cut(by, "#")
		d.Spec.Before, d.Spec.After, d.Spec.Received = commitOf(before), commitOf(after), metav1.NewMicroTime(l.now)
		if change != nil {
			change(d)
		}
	}))
}

// comment delivers a comment under pull request 7.
func (l *life) comment(t *testing.T, by string, words []string, earlier, again bool) {
	t.Helper()
	for i, word := range words {
		if len(word) == 1 {
			words[i] = commitOf(word)
		}
	}
	written := l.now
	if earlier {
		written = written.Add(-30 * time.Minute)
	}
	l.create(t, push(fmt.Sprintf("delivery-%d", l.next()), func(d *v1alpha1.Delivery) {
		d.Spec = v1alpha1.DeliverySpec{
			Project: "shop", Repository: "main", Event: string(scm.KindComment), PullRequest: 7, Comment: fmt.Sprint(l.served),
			Command: strings.Join(words, " "), Written: &metav1.Time{Time: written}, Received: metav1.NewMicroTime(l.now),
		}
		d.Spec.Actor, d.Spec.ActorID, _ = strings.Cut(by, "#")
		if again {
			d.Status.Attempts, d.Status.Phase = 1, v1alpha1.DeliveryPending
		}
	}))
}

// newLife returns a project that was registered at commit a.
func newLife(t *testing.T, change func(*v1alpha1.Project)) *life {
	t.Helper()
	l := &life{fixture: newFixture(t, newProject(change)), at: "a"}
	l.repos.files = map[string]string{commitOf("a"): variant("")}
	l.repos.lost = map[string]bool{}
	l.repos.groups = map[string][]string{"hugo": {"acme/heads"}}
	l.repos.known = map[string]bool{}
	l.repos.merged = map[string]*scm.Merged{}
	l.play(t, "sync")
	return l
}

func trusting(p *v1alpha1.Project) { p.Spec.Members.Trust = v1alpha1.TrustBranchProtection }

// check compares what the project shows, and what its stages are made from.
func (l *life) check(t *testing.T, force, held string, number int64) {
	t.Helper()
	status := l.project(t).Status
	accepted := status.File.Accepted
	document, _, err := l.repos.Policy(t.Context(), l.project(t), accepted.Commit)
	if err != nil {
		t.Fatal(err)
	}
	if want := parsed(variant(force)); !sameRights(document.File, want) {
		t.Errorf("in force is %+v\n%+v\nwant that of %q", document.File.Members, document.File.Stages, force)
	}
	if number != 0 && accepted.Number != number {
		t.Errorf("acceptance %d is in force, want %d", accepted.Number, number)
	}
	got := ""
	if status.Held != nil {
		got = strings.Join(status.Held.Authors, " ")
		if status.Held.Unknown {
			got = "nobody"
		}
		if !strings.Contains(status.Held.Message, "`slipway approve shop`") || len(status.Held.Changes) == 0 {
			t.Errorf("it is held with %+v", status.Held)
		}
	}
	if got != held {
		t.Errorf("held are changes of %q, want those of %q: %+v", got, held, status.Held)
	}
	condition := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionFileAccepted)
	if condition == nil || (condition.Status == metav1.ConditionTrue) != (held == "") {
		t.Errorf("the condition is %+v", condition)
	}
	for name, stage := range l.stages(t) {
		if force == "branch" && name == "staging" {
			continue // its branch isn't there
		}
		wanted := stage.Spec.Wanted
		if (wanted.AcceptedCommit != "") != (held != "") || held != "" && wanted.AcceptedCommit != accepted.Commit {
			t.Errorf("stage %s is made from %+v, accepted is %s", name, wanted, accepted.Commit)
		}
		if wanted.Commit != l.repos.heads[mainRef] {
			t.Errorf("stage %s has commit %s", name, wanted.Commit)
		}
	}
}

func sameRights(a, b *project.File) bool {
	return fmt.Sprint(a.Members, a.Previews == nil, rules(a)) == fmt.Sprint(b.Members, b.Previews == nil, rules(b))
}

func rules(f *project.File) []project.Stage {
	stages := append([]project.Stage(nil), f.Stages...)
	for i := range stages {
		stages[i].Overlay, stages[i].Sealed = "", nil
	}
	return stages
}
