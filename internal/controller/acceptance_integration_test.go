//go:build integration

package controller_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/operate"
)

// holds waits until a change of the project file at a commit is held.
func (p *team) holds(commit string, words ...string) *v1alpha1.Project {
	p.t.Helper()
	var found v1alpha1.Project
	p.eventually("the file is held", func() error {
		if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &found); err != nil {
			return err
		}
		held := found.Status.Held
		if held == nil || held.Commit != commit {
			return fmt.Errorf("held is %+v", held)
		}
		for _, word := range words {
			if !strings.Contains(held.Message, word) {
				return fmt.Errorf("%q lacks %q", held.Message, word)
			}
		}
		return nil
	})
	return &found
}

// accepts accepts the held file as a person, and returns what came of it.
func (p *team) accepts(by string, held *v1alpha1.Project) v1alpha1.AcceptanceStatus {
	p.t.Helper()
	projects := operate.Projects{Client: p.as(by)}
	asked, err := projects.Accept(p.t.Context(), operate.Actor{Name: by}, held)
	if err != nil {
		p.t.Fatal(err)
	}
	decided, err := projects.AwaitAcceptance(p.t.Context(), asked, func() {})
	if err != nil {
		p.t.Fatal(err)
	}
	return decided.Status
}

// hearsOfFile waits until the newest check of the project file at a commit says
// something.
func (p *team) hearsOfFile(commit, status, words string) {
	p.t.Helper()
	p.eventually("the forge hears of the file", func() error {
		runs, err := env.Forge.CheckRuns(p.Path, commit)
		if err != nil || len(runs) == 0 {
			return fmt.Errorf("%d check runs: %w", len(runs), err)
		}
		if newest := runs[0]; newest.Name != "slipway/slipway.yaml" || newest.Status != status || !strings.Contains(newest.Title, words) {
			return fmt.Errorf("the check says %+v", newest)
		}
		return nil
	})
}

// Somebody who may push to the trusted ref writes himself in as owner: the services
// of the commit go live where he may deploy, and nothing else changes until an owner
// accepts exactly this file.
func TestNobodyGivesThemselvesRights(t *testing.T) {
	stages := devStage + "  - {name: production, branch: main, protected: true}\n"
	p := join(t, "rights", siteFiles(stages, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	risen := strings.Replace(projectFile(strings.Replace(stages, ", protected: true", "", 1), site), "{user: dev, role: developer}", "{user: dev, role: owner}", 1)
	commit := p.push("main", "dev", map[string]string{"slipway.yaml": risen, "deploy/settings.yaml": settings("risen")})
	held := p.holds(commit, "dev goes from developer to owner", "stage production is no longer protected", "pushed by dev (developer)", "owner can accept it")
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	p.says("dev", "risen")
	p.reaches("production", commit, v1alpha1.PhaseHeld)
	p.hearsOfFile(commit, "in_progress", "`slipway approve shop`")

	for _, by := range []string{"dev", "boss"} {
		if status := p.accepts(by, held); status.Phase != v1alpha1.AcceptanceRefused || !strings.Contains(status.Message, by+" may not accept it") {
			t.Errorf("%s: %+v", by, status)
		}
	}
	p.holds(commit)
	if status := p.accepts("owner", held); status.Phase != v1alpha1.AcceptanceAccepted {
		t.Fatalf("owner: %+v", status)
	}
	p.hearsOfFile(commit, "completed", "accepted by owner")
	p.eventually("the commit goes live", func() error {
		releases := p.releases("production")
		if newest := releases[len(releases)-1]; newest.Status.Phase != v1alpha1.PhaseSucceeded || newest.Spec.Head.Commit != commit {
			return fmt.Errorf("%s of %s: %s", newest.Status.Phase, newest.Spec.Head.Commit, newest.Status.Message)
		}
		return nil
	})
	if _, err := (operate.Projects{Client: p.as("owner")}).Accept(t.Context(), operate.Actor{Name: "owner"}, &v1alpha1.Project{}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("nothing is held, and %v", err)
	}
}

// The API server proves who accepts a file, and lets nobody write what is accepted.
func TestPeopleCannotForgeAcceptances(t *testing.T) {
	p := join(t, "forge-accepted", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	made := func(by string) *v1alpha1.Acceptance {
		return &v1alpha1.Acceptance{
			ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: "forged"},
			Spec:       v1alpha1.AcceptanceSpec{Project: p.Name, File: strings.Repeat("a", 40), By: by},
		}
	}
	tests := map[string]struct {
		as, by string
		change func(*v1alpha1.Acceptance)
		want   string
	}{
		"the own":          {as: "dev", by: "dev"},
		"another's":        {as: "dev", by: "owner", want: "spec.by must be who accepts: dev"},
		"nobody's":         {as: "dev", want: "spec.by"},
		"no file":          {as: "dev", by: "dev", change: func(a *v1alpha1.Acceptance) { a.Spec.File = "main" }, want: "spec.file"},
		"of a long reason": {as: "dev", by: "dev", change: func(a *v1alpha1.Acceptance) { a.Spec.Reason = strings.Repeat("a", 2000) }, want: "spec.reason"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			asked := made(tt.by)
			if tt.change != nil {
				tt.change(asked)
			}
			refused(t, p.as(tt.as).Create(t.Context(), asked, client.DryRunAll), tt.want)
		})
	}
	t.Run("a decided one", func(t *testing.T) {
		asked := made("dev")
		asked.Status.Phase = v1alpha1.AcceptanceAccepted
		if err := p.as("dev").Create(t.Context(), asked); err != nil {
			t.Fatal(err)
		}
		p.eventually("it is refused", func() error {
			var now v1alpha1.Acceptance
			if err := env.Client.Get(t.Context(), client.ObjectKeyFromObject(asked), &now); err != nil || now.Status.Phase != v1alpha1.AcceptanceRefused {
				return fmt.Errorf("it is %+v: %w", now.Status, err)
			}
			return nil
		})
		after := asked.DeepCopy()
		after.Spec.By = "owner"
		refused(t, env.Client.Patch(t.Context(), after, client.MergeFrom(asked)), "an acceptance is immutable")
		after = asked.DeepCopy()
		after.Status = v1alpha1.AcceptanceStatus{Phase: v1alpha1.AcceptanceAccepted, Message: "mine"}
		refused(t, env.Client.Status().Patch(t.Context(), after, client.MergeFrom(asked)), "only Slipway writes what it observed")
	})
	t.Run("the accepted file", func(t *testing.T) {
		var project v1alpha1.Project
		if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &project); err != nil {
			t.Fatal(err)
		}
		after := project.DeepCopy()
		after.Status.File.Accepted.Policy, after.Status.LastChange = "{}", &metav1.Time{Time: time.Now()}
		refused(t, env.Client.Status().Patch(t.Context(), after, client.MergeFrom(&project)), "only Slipway writes what it observed")
	})
}
