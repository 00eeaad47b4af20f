//go:build integration

package controller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/operate"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// forked opens a pull request of eve's fork and returns its number and head.
func (p *team) forked(files map[string]string) (fork string, number int, commit string) {
	p.t.Helper()
	fork, err := env.Forge.Fork(p.Path, "eve")
	if err != nil {
		p.t.Fatal(err)
	}
	if commit, err = env.Forge.Push(fork, "main", files, "theirs", "eve"); err != nil {
		p.t.Fatal(err)
	}
	number, err = env.Forge.OpenPull(p.Path, forgetest.PullRequest{Title: "theirs", Head: "eve:main", Login: "eve"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.flush()
	return fork, number, commit
}

// comments writes a comment as a person does, and waits until it was answered.
func (p *team) comments(number int, login, text string, words ...string) {
	p.t.Helper()
	id, err := env.Forge.Comment(p.Path, number, text, login)
	if err != nil {
		p.t.Fatal(err)
	}
	p.flush()
	p.commented(number, words...)
	p.eventually("the comment has a reaction", func() error {
		all, err := env.Forge.Comments(p.Path, number)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(c forgetest.Comment) bool { return c.ID == id })
		if at < 0 || len(all[at].Reactions) != 1 {
			return fmt.Errorf("comment %d of %+v", id, all)
		}
		return nil
	})
}

// stands waits until the project shows how it stands with the preview of a pull request.
func (p *team) stands(number int, state, commit string) v1alpha1.Preview {
	p.t.Helper()
	var found v1alpha1.Preview
	p.eventually(fmt.Sprintf("pull request %d is %s", number, state), func() error {
		var made v1alpha1.Project
		if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &made); err != nil {
			return err
		}
		for _, one := range made.Status.Previews {
			if one.PullRequest == int64(number) && one.State == state && one.Commit == commit {
				found = one
				return nil
			}
		}
		return fmt.Errorf("previews are %+v", made.Status.Previews)
	})
	return found
}

// TestForkRunsWhatWasApproved follows a fork's pull request before and after a
// maintainer approves its commit, which is then swapped.
func TestForkRunsWhatWasApproved(t *testing.T) {
	files := siteFiles("", "hello")
	files["slipway.yaml"] = strings.Replace(previewed(site), "{from: production}", "{from: production, forks: approve}", 1)
	p := join(t, "forked", files, nil)
	p.everything()
	p.reaches("production", p.head("main"), v1alpha1.PhaseHeld)
	gains := strings.Replace(files["slipway.yaml"], "{user: dev, role: developer}", "{user: eve, role: owner}", 1)
	fork, number, commit := p.forked(map[string]string{"deploy/settings.yaml": settings("theirs"), "slipway.yaml": gains})
	stage := fmt.Sprintf("pr-%d", number)

	p.stands(number, v1alpha1.PreviewHeld, commit)
	p.commented(number, "`/slipway approve "+commit+"`", "changes slipway.yaml", "changes deploy", "+  - {user: eve, role: owner}")
	p.comments(number, "eve", "/slipway approve "+commit, "not done", "eve is no member")
	p.comments(number, "dev", "/slipway approve "+commit, "not done", "takes the role maintainer, and dev is developer")
	p.comments(number, "boss", "/slipway approve", "not done", "say which commit you looked at")
	p.stands(number, v1alpha1.PreviewHeld, commit)
	if _, err := p.stage(stage); !apierrors.IsNotFound(err) {
		t.Fatalf("the preview is there before it is approved: %v", err)
	}

	p.comments(number, "boss", "Looks fine.\n\n/slipway approve "+commit, "done: `commit "+commit[:8]+" of pull request")
	p.reaches(stage, commit, v1alpha1.PhaseSucceeded)
	if got, _ := p.greeting(stage); got != "theirs" {
		t.Errorf("the preview says %q", got)
	}
	var policy networkingv1.NetworkPolicy
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.stageNamespace(stage), Name: "slipway-own"}, &policy); err != nil || len(policy.Spec.Egress) != 2 {
		t.Errorf("its pods reach %+v: %v", policy.Spec.Egress, err)
	}
	if made, err := p.stage(stage); err != nil || !made.Spec.Fork || made.Spec.Wanted.FileCommit != p.head("main") {
		t.Errorf("the preview is %+v: %v", made.Spec, err)
	}

	swapped, err := env.Forge.Push(fork, "main", map[string]string{"deploy/settings.yaml": settings("swapped")}, "swap", "eve")
	if err != nil {
		t.Fatal(err)
	}
	p.flush()
	if shown := p.stands(number, v1alpha1.PreviewHeld, swapped); shown.Approved == nil || shown.Approved.Commit != commit || shown.Approved.By != "boss" {
		t.Errorf("approved is %+v", shown.Approved)
	}
	if got, _ := p.greeting(stage); got != "theirs" {
		t.Errorf("after the swap the preview says %q", got)
	}
	deploy := p.request(stage, "dev", v1alpha1.TriggerDeploy, nil, func(r *v1alpha1.Release) { r.Spec.Head.Commit = swapped })
	if refused := p.becomes(deploy.Name, v1alpha1.PhaseFailed); !strings.Contains(refused.Status.Message, "is not in the history of refs/pull/") {
		t.Errorf("a developer's deploy: %s", refused.Status.Message)
	}
	owner := p.as("owner")
	var made v1alpha1.Project
	if err := owner.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &made); err != nil {
		t.Fatal(err)
	}
	if _, err := (operate.Projects{Client: owner}).AcceptPreview(t.Context(), operate.Actor{Name: "owner"}, &made, int64(number)); err != nil {
		t.Fatal(err)
	}
	p.eventually("the approved commit runs", func() error {
		releases := p.releases(stage)
		if newest := releases[len(releases)-1]; newest.Spec.Head.Commit != swapped || newest.Status.Phase != v1alpha1.PhaseSucceeded {
			return fmt.Errorf("release of %s is %s: %s", newest.Spec.Head.Commit, newest.Status.Phase, newest.Status.Message)
		}
		return nil
	})

	if err := env.Forge.EditPull(p.Path, number, "closed", "", "eve"); err != nil {
		t.Fatal(err)
	}
	p.flush()
	p.ended(stage)
	if live := p.releases("production"); len(live) != 1 {
		t.Errorf("releases of production: %+v", live)
	}
}

// TestCommentsActOnPreviews has members and strangers give commands under a pull request
// of the repository's own.
func TestCommentsActOnPreviews(t *testing.T) {
	files := siteFiles("", "hello")
	files["slipway.yaml"] = previewed(site)
	p := join(t, "commands", files, nil)
	p.everything()
	commit := p.push("feature/cart", "dev", map[string]string{"deploy/settings.yaml": settings("cart")})
	number := p.open("feature/cart", "dev")
	stage := fmt.Sprintf("pr-%d", number)
	p.reaches(stage, commit, v1alpha1.PhaseSucceeded)

	p.comments(number, "mallory", "/slipway restart", "not done", "mallory is no member")
	p.comments(number, "mallory", "/slipway destroy everything", "there is no command", "`/slipway approve [COMMIT]`")
	p.comments(number, "dev", "/slipway extend 3d", "done", "does not end before")
	p.comments(number, "dev", "/slipway restart", "done", "release 2: restart")
	p.eventually("it restarts", func() error {
		releases := p.releases(stage)
		newest := releases[len(releases)-1]
		if len(releases) != 2 || newest.Spec.Trigger != v1alpha1.TriggerRestart || newest.Spec.By != "dev" || newest.Status.Phase != v1alpha1.PhaseSucceeded {
			return fmt.Errorf("%d releases, the newest %+v is %s: %s", len(releases), newest.Spec, newest.Status.Phase, newest.Status.Message)
		}
		return nil
	})
	if made, err := p.stage(stage); err != nil || made.Spec.Extension == nil || made.Spec.Extension.By != "dev" {
		t.Errorf("the extension is %+v: %v", made.Spec.Extension, err)
	}
	comments, err := env.Forge.Comments(p.Path, number)
	if err != nil {
		t.Fatal(err)
	}
	own := slices.DeleteFunc(comments, func(c forgetest.Comment) bool { return c.Login != "slipway" })
	if len(own) != 1 {
		t.Errorf("Slipway wrote %d comments: %+v", len(own), own)
	}
}

// TestCommentAcceptsTheHeldFile as `slipway approve PROJECT` does: who may, exactly the
// commit that is held.
func TestCommentAcceptsTheHeldFile(t *testing.T) {
	p := join(t, "comment-accepts", siteFiles(devStage, "hello"), nil)
	p.everything()
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	risen := strings.Replace(projectFile(devStage, site), "{user: dev, role: developer}", "{user: dev, role: owner}", 1)
	p.push("feature/x", "dev", map[string]string{"slipway.yaml": risen})
	number := p.open("feature/x", "dev")
	merged, err := env.Forge.MergePull(p.Path, number, "dev")
	if err != nil {
		t.Fatal(err)
	}
	p.flush()
	p.holds(merged, "dev goes from developer to owner")
	p.comments(number, "dev", "/slipway approve "+merged, "not done", "dev is developer")
	p.comments(number, "boss", "/slipway approve "+merged, "not done", "boss may not accept it")
	p.holds(merged)
	p.comments(number, "owner", "/slipway approve "+merged, "done", "is in force as a whole")
	p.hearsOfFile(merged, "completed", "accepted by owner")
}
