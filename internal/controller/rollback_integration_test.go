//go:build integration

package controller_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// as returns a client of a person who may write what people write.
func (p *team) as(username string) client.Client {
	p.t.Helper()
	person, err := env.Person(p.t.Context(), p.Project, username, "slipway-operator")
	if err != nil {
		p.t.Fatal(err)
	}
	return person
}

// newRequest returns a release that a person asks for, with the stage's next
// number.
func (p *team) newRequest(stage, by string, trigger v1alpha1.Trigger, from *v1alpha1.Release) *v1alpha1.Release {
	p.t.Helper()
	object, err := p.stage(stage)
	if err != nil {
		p.t.Fatal(err)
	}
	next := int64(1)
	for _, release := range p.releases(stage) {
		next = max(next, release.Spec.Sequence+1)
	}
	made := &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: naming.Release(object.Name, next)},
		Spec: v1alpha1.ReleaseSpec{
			Project: p.Name, Stage: object.Name, Sequence: next, Trigger: trigger, By: by, Head: object.Spec.Wanted,
		},
	}
	if from != nil {
		made.Spec.From, made.Spec.Head = from.Name, from.Spec.Head
	}
	return made
}

// request makes a release as a person.
func (p *team) request(stage, by string, trigger v1alpha1.Trigger, from *v1alpha1.Release, change func(*v1alpha1.Release)) v1alpha1.Release {
	p.t.Helper()
	person := p.as(by)
	for range 20 { // a taken number is asked for again
		made := p.newRequest(stage, by, trigger, from)
		if change != nil {
			change(made)
		}
		err := person.Create(p.t.Context(), made)
		if apierrors.IsAlreadyExists(err) {
			continue
		}
		if err != nil {
			p.t.Fatal(err)
		}
		return *made
	}
	p.t.Fatal("no number was free")
	return v1alpha1.Release{}
}

// becomes waits until a release is in a phase.
func (p *team) becomes(name string, phase v1alpha1.Phase) v1alpha1.Release {
	p.t.Helper()
	var found v1alpha1.Release
	p.eventually(fmt.Sprintf("release %s becomes %s", name, phase), func() error {
		if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: name}, &found); err != nil {
			return err
		}
		if found.Status.Phase != phase {
			return fmt.Errorf("phase %q: %s", found.Status.Phase, found.Status.Message)
		}
		return nil
	})
	return found
}

// automatic waits until the stage says whether, and why not, pushes go
// through.
func (p *team) automatic(stage, reason string, words ...string) {
	p.t.Helper()
	p.eventually("stage "+stage+" says "+reason, func() error {
		object, err := p.stage(stage)
		if err != nil {
			return err
		}
		condition := meta.FindStatusCondition(object.Status.Conditions, v1alpha1.ConditionAutoDeploy)
		if condition == nil || condition.Reason != reason {
			return fmt.Errorf("condition %+v", condition)
		}
		for _, word := range words {
			if !strings.Contains(condition.Message, word) {
				return fmt.Errorf("message %q lacks %q", condition.Message, word)
			}
		}
		return nil
	})
}

func (p *team) says(stage, greeting string) {
	p.t.Helper()
	if got, _ := p.greeting(stage); got != greeting {
		p.t.Errorf("the settings of stage %s say %q, want %q", stage, got, greeting)
	}
}

// phases returns the phases of a release in the order it entered them.
func phases(release v1alpha1.Release) []v1alpha1.Phase {
	var entered []v1alpha1.Phase
	for _, timing := range release.Status.Timings {
		entered = append(entered, timing.Phase)
	}
	return entered
}

func TestRollbackHoldsAndAFixedDescendantDeploys(t *testing.T) {
	p := join(t, "rollback", siteFiles(devStage, "good"), nil)
	good := p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	bad := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("bad"), "deploy/more.yaml": more, "deploy/kustomization.yaml": "resources: [settings.yaml, service.yaml, more.yaml]\n"})
	p.reaches("dev", bad, v1alpha1.PhaseSucceeded)
	p.says("dev", "bad")

	env.Traffic.Take()
	back := p.becomes(p.request("dev", "dev", v1alpha1.TriggerRollback, &good, func(r *v1alpha1.Release) { r.Spec.Reason = "shop is down" }).Name, v1alpha1.PhaseSucceeded)
	p.says("dev", "good")
	if want := []v1alpha1.Phase{"Pending", "Applying", "Verifying", "Succeeded"}; !slices.Equal(phases(back), want) {
		t.Errorf("phases %v, want %v: neither built nor rendered", phases(back), want)
	}
	if back.Status.Bundle != good.Status.Bundle || back.Status.Changes.Pruned != 1 || !strings.Contains(back.Status.Message, "as dev asked") {
		t.Errorf("status %+v", back.Status)
	}
	p.automatic("dev", "Quarantined", bad[:8], "dev rolled back", "shop is down", "slipway deploy shop dev")
	stage, _ := p.stage("dev")
	if q := stage.Status.Quarantine; q == nil || q.Commit != bad || q.By != "dev" || q.At.IsZero() {
		t.Errorf("quarantine %+v", q)
	}
	p.eventually("the good commit's status", func() error {
		if state, message := p.status(good.Spec.Head.Commit, "dev"); state != "success" || !strings.HasPrefix(message, "live: back at release") {
			return fmt.Errorf("%q: %s", state, message)
		}
		return nil
	})

	restart(t) // what is quarantined outlives the server
	p.says("dev", "good")

	other := p.rewind("main", good.Spec.Head.Commit, "dev", map[string]string{"deploy/settings.yaml": settings("other")})
	p.automatic("dev", "Diverged", other[:8], bad[:8], "slipway deploy shop dev")
	p.says("dev", "good")

	p.setRef("main", bad, "dev")
	p.automatic("dev", "Quarantined")
	fixed := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("fixed")})
	p.reaches("dev", fixed, v1alpha1.PhaseSucceeded)
	p.says("dev", "fixed")
	p.automatic("dev", "Pushes")
	p.eventually("the quarantine is lifted", func() error {
		if stage, err := p.stage("dev"); err != nil || stage.Status.Quarantine != nil {
			return fmt.Errorf("%+v %w", stage.Status.Quarantine, err)
		}
		return nil
	})
	if got := len(p.releases("dev")); got != 4 {
		t.Errorf("%d releases, want 4: two pushes, the rollback, the fix", got)
	}
}

const more = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\ndata: {more: \"yes\"}\n"

// setRef moves a branch by force.
func (p *team) setRef(branch, commit, login string) {
	p.t.Helper()
	if err := env.Forge.SetRef(p.Path, "refs/heads/"+branch, commit, login); err != nil {
		p.t.Fatal(err)
	}
	if err := env.Forge.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// rewind puts a branch back to a commit and pushes another one on top of it.
func (p *team) rewind(branch, to, login string, files map[string]string) string {
	p.t.Helper()
	intercept := func(forgetest.Delivery) []forgetest.Delivery { return nil }
	env.Forge.Intercept(intercept)
	p.setRef(branch, to, login)
	env.Forge.Intercept(nil)
	return p.push(branch, login, files)
}

func TestOnlyAnOwnerDeploysWhatIsQuarantined(t *testing.T) {
	p := join(t, "lift", siteFiles(devStage, "good"), nil)
	good := p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	bad := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("bad")})
	p.reaches("dev", bad, v1alpha1.PhaseSucceeded)
	p.becomes(p.request("dev", "boss", v1alpha1.TriggerRollback, &good, nil).Name, v1alpha1.PhaseSucceeded)
	p.automatic("dev", "Quarantined")

	refused := p.becomes(p.request("dev", "boss", v1alpha1.TriggerDeploy, nil, nil).Name, v1alpha1.PhaseFailed)
	if refused.Status.Cause != "Quarantined" || !strings.Contains(refused.Status.Message, "boss may not deploy a quarantined commit to stage dev") || !strings.Contains(refused.Status.Message, "owner may") {
		t.Errorf("%s: %s", refused.Status.Cause, refused.Status.Message)
	}
	p.says("dev", "good")
	lifted := p.becomes(p.request("dev", "owner", v1alpha1.TriggerDeploy, nil, nil).Name, v1alpha1.PhaseSucceeded)
	p.says("dev", "bad")
	p.automatic("dev", "Pushes")
	if got, _ := p.stage("dev"); got.Status.Release != lifted.Name {
		t.Errorf("the stage shows %s, want %s", got.Status.Release, lifted.Name)
	}
}

// TestStopAnywhereKeepsWhatWasAsked stops the server a little later after each
// order, so that it stops before, in and after the decision and every phase.
func TestStopAnywhereKeepsWhatWasAsked(t *testing.T) {
	p := join(t, "stop-asked", siteFiles(devStage, "good"), nil)
	good := p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	bad := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("bad")})
	p.reaches("dev", bad, v1alpha1.PhaseSucceeded)
	for i := range 5 {
		asked := p.request("dev", "boss", v1alpha1.TriggerRollback, &good, nil)
		time.Sleep(time.Duration(i*15) * time.Millisecond)
		restart(t)
		checkTimings(t, p.becomes(asked.Name, v1alpha1.PhaseSucceeded))
		p.says("dev", "good")
		p.automatic("dev", "Quarantined", bad[:8], "boss rolled back")
		again := p.request("dev", "owner", v1alpha1.TriggerDeploy, nil, nil)
		time.Sleep(time.Duration(i*15) * time.Millisecond)
		restart(t)
		checkTimings(t, p.becomes(again.Name, v1alpha1.PhaseSucceeded))
		p.says("dev", "bad")
		p.automatic("dev", "Pushes")
	}
	if got := len(p.releases("dev")); got != 12 {
		t.Errorf("%d releases, want the two pushes and the ten that were asked for", got)
	}
}
