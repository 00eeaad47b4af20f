//go:build integration

package controller_test

import (
	"fmt"
	"net/http"
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
	"github.com/slipway-dev/slipway/internal/scm/forgetest/trouble"
)

// ahead pushes a commit to main, takes it back, and returns it with the
// delivery that reports it: what a forge shows whose git servers lag.
func (p *team) ahead(files map[string]string) (commit string, reported forgetest.Delivery) {
	p.t.Helper()
	before := p.head("main")
	env.Forge.Intercept(func(d forgetest.Delivery) []forgetest.Delivery {
		if reported.ID == "" {
			reported = d
		}
		return nil
	})
	defer env.Forge.Intercept(nil)
	commit, err := env.Forge.Push(p.Path, "main", files, "ahead", "dev")
	if err != nil {
		p.t.Fatal(err)
	}
	p.set("refs/heads/main", before)
	return commit, reported
}

// set moves a ref without a delivery.
func (p *team) set(ref, commit string) {
	p.t.Helper()
	env.Forge.Intercept(func(forgetest.Delivery) []forgetest.Delivery { return nil })
	defer env.Forge.Intercept(nil)
	if err := env.Forge.SetRef(p.Path, ref, commit, "dev"); err != nil {
		p.t.Fatal(err)
	}
}

// delivered waits for the end of a delivery.
func (p *team) delivered(id string) v1alpha1.Delivery {
	p.t.Helper()
	var found v1alpha1.Delivery
	p.eventually("delivery "+id, func() error {
		for _, d := range p.deliveries() {
			if d.Spec.ID == id && d.Status.Phase != "" && d.Status.Phase != v1alpha1.DeliveryPending {
				found = d
				return nil
			}
		}
		return fmt.Errorf("deliveries %+v", p.deliveries())
	})
	return found
}

func TestRefThatLagsIsReadAgain(t *testing.T) {
	p := join(t, "lagging", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	commit, reported := p.ahead(map[string]string{"deploy/settings.yaml": settings("late")})
	if answer := env.Forge.Send(t.Context(), reported); answer.Status != http.StatusAccepted {
		t.Fatalf("the receiver answered %d %s", answer.Status, answer.Answer)
	}
	time.Sleep(700 * time.Millisecond)
	if d := p.deliveries()[0]; d.Status.Phase != "" && d.Status.Phase != v1alpha1.DeliveryPending {
		t.Errorf("the delivery is %s before the forge shows its commit: %s", d.Status.Phase, d.Status.Message)
	}
	p.set("refs/heads/main", commit)
	release := p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	if release.Spec.Head.Actor != "dev" {
		t.Errorf("the release was asked for by %q, want dev", release.Spec.Head.Actor)
	}
	if d := p.delivered(reported.ID); d.Status.Phase != v1alpha1.DeliveryDone || d.Status.Message != "synced" {
		t.Errorf("the delivery is %s: %s", d.Status.Phase, d.Status.Message)
	}
}

func TestRefThatLagsForeverIsLeftToTheTimer(t *testing.T) {
	p := join(t, "behind", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	commit, reported := p.ahead(map[string]string{"deploy/settings.yaml": settings("never")})
	env.Forge.ForgetRequests()
	env.Forge.Send(t.Context(), reported)
	d := p.delivered(reported.ID)
	if d.Status.Phase != v1alpha1.DeliveryDone || !strings.Contains(d.Status.Message, commit) || !strings.Contains(d.Status.Message, "timer") {
		t.Errorf("the delivery is %s: %s; want it to name the commit that was not found, and the timer", d.Status.Phase, d.Status.Message)
	}
	looks := 0
	for _, r := range env.Forge.Requests() {
		if strings.HasPrefix(r.Path, "/"+p.Path+".git/info/refs") {
			looks++
		}
	}
	if looks < 3 || looks > 15 {
		t.Errorf("the refs were read %d times, want a few", looks)
	}
}

// TestBranchMadeAgain deletes a branch and makes it again while its stage is
// still being taken down. No timer helps.
func TestBranchMadeAgain(t *testing.T) {
	p := join(t, "again", siteFiles(devStage+"  - {name: feature, branch: \"feature/*\"}\n", "hello"), nil)
	first := p.push("feature/a", "dev", map[string]string{"deploy/settings.yaml": settings("first")})
	stage := naming.StageForRef("feature", "refs/heads/feature/a")
	p.reaches(stage, first, v1alpha1.PhaseSucceeded)
	if err := env.Forge.SetRef(p.Path, "refs/heads/feature/a", "", "dev"); err != nil {
		t.Fatal(err)
	}
	p.eventually("the stage ends", func() error {
		made, err := p.stage(stage)
		if !apierrors.IsNotFound(err) && made.DeletionTimestamp.IsZero() {
			return fmt.Errorf("stage %+v: %w", made.ObjectMeta, err)
		}
		return nil
	})
	second := p.push("feature/a", "dev", map[string]string{"deploy/settings.yaml": settings("second")})
	p.reaches(stage, second, v1alpha1.PhaseSucceeded)
	if got, _ := p.greeting(stage); got != "second" {
		t.Errorf("the settings say %q, want second", got)
	}
}

// TestSyncThatFailedIsTriedAgain breaks git while nothing but the project's
// making asks for a sync. No timer helps.
func TestSyncThatFailedIsTriedAgain(t *testing.T) {
	repair := env.Forge.Break("* /acme/broken-shop.git/**", trouble.Fault{Status: http.StatusBadGateway})
	defer repair()
	p := join(t, "broken", siteFiles(devStage, "hello"), nil)
	project := func() *v1alpha1.Project {
		var project v1alpha1.Project
		if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &project); err != nil {
			t.Fatal(err)
		}
		return &project
	}
	p.eventually("the condition", func() error {
		synced := meta.FindStatusCondition(project().Status.Conditions, v1alpha1.ConditionSynced)
		if synced == nil || synced.Status != metav1.ConditionFalse || synced.Reason != "Unavailable" {
			return fmt.Errorf("condition %+v", synced)
		}
		return nil
	})
	time.Sleep(2 * time.Second)
	looks := 0
	for _, r := range env.Forge.Requests() {
		if strings.HasPrefix(r.Path, "/"+p.Path+".git/") {
			looks++
		}
	}
	if looks < 2 || looks > 12 {
		t.Errorf("git was asked %d times in two seconds, want a few", looks)
	}
	repair()
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	if !meta.IsStatusConditionTrue(project().Status.Conditions, v1alpha1.ConditionSynced) {
		t.Errorf("conditions %+v", project().Status.Conditions)
	}
}

// TestFailedDeliveryIsTriedAgain redelivers a push that a broken project file
// made fail.
func TestFailedDeliveryIsTriedAgain(t *testing.T) {
	p := join(t, "failed", siteFiles(devStage, "hello"), nil)
	good := p.head("main")
	p.reaches("dev", good, v1alpha1.PhaseSucceeded)
	p.push("main", "dev", map[string]string{"slipway.yaml": "version: 1\nproject: shop\nstagse: []\n"})
	sent := env.Forge.Deliveries()
	last := sent[len(sent)-1]
	if d := p.delivered(last.ID); d.Status.Phase != v1alpha1.DeliveryFailed || !strings.Contains(d.Status.Message, "slipway.yaml:") {
		t.Fatalf("the delivery is %s: %s", d.Status.Phase, d.Status.Message)
	}
	p.set("refs/heads/main", good)
	if err := env.Forge.Redeliver(last.ID); err != nil {
		t.Fatal(err)
	}
	p.eventually("the second attempt", func() error {
		if d := p.delivered(last.ID); d.Status.Attempts < 2 || d.Status.Phase != v1alpha1.DeliveryDone {
			return fmt.Errorf("%+v", d.Status)
		}
		return nil
	})
}
