//go:build gitea

package realforge

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

const devStage = "  - {name: dev, branch: main}\n"

func TestGitea(t *testing.T) {
	forge := start(t)
	for name, story := range map[string]func(*testing.T, *gitea){
		"a push goes live":            pushGoesLive,
		"refs come and go":            refsComeAndGo,
		"gates open":                  gatesOpen,
		"a member of a team deploys":  memberOfATeam,
		"one comment is kept":         oneComment,
		"a hook is repaired, rotated": hookIsRepaired,
	} {
		t.Run(name, func(t *testing.T) { story(t, forge) })
	}
}

func pushGoesLive(t *testing.T, forge *gitea) {
	p := found(t, forge, "live", files(devStage, "hello"))
	if did := p.hooks("sync"); len(did) != 1 || did[0].Did != "created" {
		t.Errorf("the hook was %+v, want it created", did)
	}
	dev := forge.clone(t, p.Path, "dev")
	first := dev.git("rev-parse", "HEAD")
	p.reaches("dev", first, v1alpha1.PhaseSucceeded)
	p.told(first, "dev", "success", "live: ")

	commit := dev.push("main", says("again"))
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	p.told(commit, "dev", "success", "live: ")
	if said := p.greeting("dev"); said != "again" {
		t.Errorf("the settings say %q", said)
	}
	p.heard(v1alpha1.DeliverySpec{Event: "push", Ref: "refs/heads/main", Before: first, After: commit, Actor: "dev"})
}

// heard waits for the one delivery that says so: a commit can be live before,
// when the delivery of another one caused the sync.
func (p *team) heard(want v1alpha1.DeliverySpec) {
	p.t.Helper()
	p.eventually("the delivery of "+want.After[:8], func() error {
		var all v1alpha1.DeliveryList
		if err := world.Client.List(p.t.Context(), &all, client.InNamespace(p.Namespace)); err != nil {
			return err
		}
		count := 0
		for _, d := range all.Items {
			got := d.Spec
			if got.Forge == "gitea" && got.Event == want.Event && got.Ref == want.Ref && got.Before == want.Before && got.After == want.After && got.Actor == want.Actor {
				count++
			}
		}
		if count != 1 {
			return fmt.Errorf("%d of %d deliveries", count, len(all.Items))
		}
		return nil
	})
}

func refsComeAndGo(t *testing.T, forge *gitea) {
	p := found(t, forge, "refs", files(devStage+"  - {name: feature, branch: \"feature/*\"}\n  - {name: released, tag: \"v*\"}\n", "hello"))
	p.hooks("sync")
	dev := forge.clone(t, p.Path, "dev")
	first := dev.git("rev-parse", "HEAD")
	p.reaches("dev", first, v1alpha1.PhaseSucceeded)

	cart, stage := dev.push("feature/cart", says("cart")), naming.StageForRef("feature", "refs/heads/feature/cart")
	p.reaches(stage, cart, v1alpha1.PhaseSucceeded)
	dev.git("reset", "--quiet", "--hard", first)
	other := dev.commit(says("another cart"))
	dev.git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/feature/cart")
	p.reaches(stage, other, v1alpha1.PhaseSucceeded)
	dev.git("push", "--quiet", "origin", ":refs/heads/feature/cart")
	p.gone(stage)

	dev.git("tag", "--annotate", "--message", "first", "v1", first)
	dev.git("push", "--quiet", "origin", "v1")
	p.reaches("released", first, v1alpha1.PhaseSucceeded)
	p.heard(v1alpha1.DeliverySpec{Event: "push", Ref: "refs/heads/feature/cart", Before: cart, After: other, Actor: "dev"})
}

func gatesOpen(t *testing.T, forge *gitea) {
	p := found(t, forge, "gates", files("  - {name: production, branch: main, protected: true, requires: {checks: [ci/test]}}\n", "hello"))
	p.hooks("sync")
	boss, dev := forge.clone(t, p.Path, "boss"), forge.clone(t, p.Path, "dev")
	p.reaches("production", boss.git("rev-parse", "HEAD"), v1alpha1.PhaseHeld)

	held := dev.push("main", says("not by dev"))
	p.reaches("production", held, v1alpha1.PhaseHeld, "dev", "production")
	p.told(held, "production", "pending", "held: ")

	boss.git("pull", "--quiet", "origin", "main")
	commit := boss.push("main", says("by boss"))
	p.reaches("production", commit, v1alpha1.PhaseHeld, "ci/test")
	check := func(state string) {
		if err := forge.call(t.Context(), "boss", http.MethodPost, "/repos/"+p.Path+"/statuses/"+commit, object{"context": "ci/test", "state": state}, nil); err != nil {
			t.Fatal(err)
		}
	}
	check("failure")
	p.reaches("production", commit, v1alpha1.PhaseHeld, "ci/test", "failed")
	check("success")
	p.reaches("production", commit, v1alpha1.PhaseSucceeded)
	p.told(commit, "production", "success", "live: ")
}

func memberOfATeam(t *testing.T, forge *gitea) {
	p := found(t, forge, "groups", files("  - {name: production, branch: main, protected: true}\n", "hello"))
	p.hooks("sync")
	carol := forge.clone(t, p.Path, "carol")
	stranger := carol.push("main", says("a stranger's"))
	p.reaches("production", stranger, v1alpha1.PhaseHeld, "carol is no member", "acme/leads")
	for _, user := range []string{bot, "carol"} { // whoever asks must be in the organization, as bot is
		if err := forge.join(t.Context(), user, "leads"); err != nil {
			t.Fatal(err)
		}
	}
	commit := carol.push("main", says("a lead's"))
	p.reaches("production", commit, v1alpha1.PhaseSucceeded)
}

func oneComment(t *testing.T, forge *gitea) {
	stages := devStage + "  - {name: feature, branch: \"feature/*\"}\n"
	p := found(t, forge, "comment", files(stages, "hello"))
	p.hooks("sync")
	dev := forge.clone(t, p.Path, "dev")
	p.reaches("dev", dev.git("rev-parse", "HEAD"), v1alpha1.PhaseSucceeded)
	dev.push("feature/cart", says("cart"))
	var opened struct{ Number int }
	pull := object{"title": "Cart", "head": "feature/cart", "base": "main"}
	p.eventually("a pull request", func() error { // Gitea gets to know a branch a while after git has it
		return forge.call(t.Context(), "dev", http.MethodPost, "/repos/"+p.Path+"/pulls", pull, &opened)
	})
	p.commented(opened.Number, "live")
	file := strings.Replace(files(stages, "")["slipway.yaml"], "{user: dev, role: developer}", "{user: dev, role: maintainer}", 1)
	commit := dev.push("feature/cart", map[string]string{"slipway.yaml": file})
	p.commented(opened.Number, commit[:8], "`dev goes from developer to maintainer`")
	broken := dev.push("feature/cart", map[string]string{"slipway.yaml": file + "surprise: true\n"})
	p.commented(opened.Number, "surprise", "slipway.yaml:")
	p.told(broken, "slipway.yaml", "failure", "surprise")
}

// commented waits until the only comment of a pull request is the bot's and
// holds all texts.
func (p *team) commented(number int, texts ...string) {
	p.t.Helper()
	p.eventually("the comment", func() error {
		var comments []struct {
			Body string
			User struct{ Login string }
		}
		if err := p.forge.call(p.t.Context(), "dev", http.MethodGet, fmt.Sprintf("/repos/%s/issues/%d/comments", p.Path, number), nil, &comments); err != nil {
			return err
		}
		if len(comments) != 1 || comments[0].User.Login != bot || !holds(comments[0].Body, texts) {
			return fmt.Errorf("comments %+v, want one by %s that says %q", comments, bot, texts)
		}
		return nil
	})
}

func hookIsRepaired(t *testing.T, forge *gitea) {
	p := found(t, forge, "hooks", files(devStage, "hello"))
	made := p.hooks("sync")
	if did := p.hooks("sync"); len(did) != 1 || did[0].Did != "kept" || did[0].ID != made[0].ID {
		t.Errorf("the second time the hook was %+v, want it kept", did)
	}
	broken := object{"active": false, "events": []string{"create"}}
	if err := forge.call(t.Context(), "owner", http.MethodPatch, "/repos/"+p.Path+"/hooks/"+made[0].ID, broken, nil); err != nil {
		t.Fatal(err)
	}
	if did := p.hooks("sync"); len(did) != 1 || did[0].Did != "repaired" || !holds(did[0].Why, []string{"not active", "push"}) {
		t.Errorf("the broken hook was %+v, want it repaired", did)
	}
	p.hooks("rotate", "--wait", "15s")
	dev := forge.clone(t, p.Path, "dev")
	commit := dev.push("main", says("signed anew"))
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	p.hooks("rotate", "--finish")
	rows := p.hooks("list")
	if !slices.ContainsFunc(rows, func(h hook) bool { return h.ID == made[0].ID }) || len(rows) != 1 {
		t.Errorf("the hooks are %+v, want the one that was made", rows)
	}
}
