//go:build integration

package controller_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
	"github.com/slipway-dev/slipway/internal/scm/forgetest/trouble"
)

// previewed is a project file whose previews are made from a protected stage.
func previewed(services string) string {
	stages := "  - {name: production, branch: main, protected: true, requires: {approvals: 1}}\n"
	return strings.Replace(projectFile(stages, services), "services:\n", "previews: {from: production}\nservices:\n", 1)
}

// open opens a pull request and waits until its events arrived.
func (p *team) open(branch, login string) int {
	p.t.Helper()
	number, err := env.Forge.OpenPull(p.Path, forgetest.PullRequest{Title: branch, Head: branch, Login: login})
	if err != nil {
		p.t.Fatal(err)
	}
	p.flush()
	return number
}

func (p *team) flush() {
	p.t.Helper()
	if err := env.Forge.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// ended waits until nothing is left of a stage.
func (p *team) ended(stage string) {
	p.t.Helper()
	p.eventually("the end of "+stage, func() error {
		if _, err := p.stage(stage); !apierrors.IsNotFound(err) {
			return fmt.Errorf("stage %s: %w", stage, err)
		}
		var namespace corev1.Namespace
		err := env.Client.Get(p.t.Context(), client.ObjectKey{Name: p.stageNamespace(stage)}, &namespace)
		if err == nil && namespace.DeletionTimestamp.IsZero() {
			return fmt.Errorf("namespace %s stays", namespace.Name)
		}
		return client.IgnoreNotFound(err)
	})
}

// TestPreviewOfAPullRequest follows a pull request from its beginning to its merge.
func TestPreviewOfAPullRequest(t *testing.T) {
	files := siteFiles("", "hello")
	files["slipway.yaml"] = previewed(site)
	p := join(t, "preview", files, nil)
	p.everything()
	p.reaches("production", p.head("main"), v1alpha1.PhaseHeld)

	first := p.push("feature/cart", "dev", map[string]string{"deploy/settings.yaml": settings("cart")})
	number := p.open("feature/cart", "dev")
	stage := fmt.Sprintf("pr-%d", number)
	p.reaches(stage, first, v1alpha1.PhaseSucceeded) // no approval is needed, and nobody's is asked for
	if got, _ := p.greeting(stage); got != "cart" {
		t.Errorf("the preview says %q", got)
	}
	p.commented(number, "`"+stage+"`", first[:8], "live")
	p.eventually("the commit's status", func() error {
		if state, message := p.status(first, "preview"); state != "success" {
			return fmt.Errorf("%s: %s", state, message)
		}
		return nil
	})
	if made, err := env.Forge.Deployments(p.Path); err != nil || len(made) > 0 {
		t.Errorf("deployments of previews at the forge: %+v, %v", made, err)
	}

	second := p.push("feature/cart", "dev", map[string]string{"deploy/settings.yaml": settings("basket")})
	p.reaches(stage, second, v1alpha1.PhaseSucceeded)
	p.commented(number, second[:8], "live")

	if _, err := env.Forge.MergePull(p.Path, number, "boss"); err != nil {
		t.Fatal(err)
	}
	p.flush()
	p.ended(stage)
}

// TestPreviewOfAStranger has the services of the trusted ref, whatever the pull request
// says, and its content.
func TestPreviewOfAStranger(t *testing.T) {
	files := siteFiles("", "hello")
	files["slipway.yaml"] = previewed(site)
	p := join(t, "stranger", files, nil)
	p.everything()
	p.reaches("production", p.head("main"), v1alpha1.PhaseHeld)
	gains := strings.NewReplacer("{user: dev, role: developer}", "{user: eve, role: owner}", "deploy}", "theirs}").Replace(previewed(site))
	commit := p.push("feature/theirs", "eve", map[string]string{
		"slipway.yaml":              gains,
		"deploy/settings.yaml":      settings("hers"),
		"theirs/kustomization.yaml": "resources: [settings.yaml]\n",
		"theirs/settings.yaml":      settings("of another directory"),
	})
	stage := fmt.Sprintf("pr-%d", p.open("feature/theirs", "eve"))
	p.reaches(stage, commit, v1alpha1.PhaseSucceeded)
	if got, _ := p.greeting(stage); got != "hers" {
		t.Errorf("the preview says %q", got)
	}
	if live := p.releases("production"); len(live) != 1 || live[0].Status.Phase != v1alpha1.PhaseHeld {
		t.Errorf("releases of production: %+v", live)
	}
}

// TestPreviewWithNothingToShow tells the pull request so, and makes nothing.
func TestPreviewWithNothingToShow(t *testing.T) {
	files := siteFiles("", "hello")
	files["slipway.yaml"] = strings.Replace(projectFile(devStage, site), "services:\n", "previews: {from: dev}\nservices:\n", 1)
	p := join(t, "nothing", files, nil)
	p.everything()
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	commit := p.push("docs", "dev", map[string]string{"README.md": "# better\n"})
	number := p.open("docs", "dev")
	p.eventually("the commit's status", func() error {
		if state, message := p.status(commit, "preview"); state != "success" || !strings.Contains(message, "nothing to preview") {
			return fmt.Errorf("%s: %s", state, message)
		}
		return nil
	})
	if _, err := p.stage(fmt.Sprintf("pr-%d", number)); !apierrors.IsNotFound(err) {
		t.Errorf("the preview: %v, want none", err)
	}
	if comments, err := env.Forge.Comments(p.Path, number); err != nil || len(comments) > 0 {
		t.Errorf("comments %+v, %v", comments, err)
	}
}

// TestPreviewsWhileTheForgeIsAway stay, and end once it is back.
func TestPreviewsWhileTheForgeIsAway(t *testing.T) {
	files := siteFiles("", "hello")
	files["slipway.yaml"] = previewed(site)
	p := join(t, "away", files, nil)
	p.everything()
	commit := p.push("feature/cart", "dev", map[string]string{"deploy/settings.yaml": settings("cart")})
	number := p.open("feature/cart", "dev")
	stage := fmt.Sprintf("pr-%d", number)
	p.reaches(stage, commit, v1alpha1.PhaseSucceeded)

	repair := env.Forge.Break("GET /repos/"+p.Path+"/pulls", trouble.Fault{Status: http.StatusBadGateway})
	defer repair()
	if err := env.Forge.EditPull(p.Path, number, "closed", "", "dev"); err != nil {
		t.Fatal(err)
	}
	p.flush()
	p.eventually("the project says so", func() error {
		var made v1alpha1.Project
		if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &made); err != nil {
			return err
		}
		if c := meta.FindStatusCondition(made.Status.Conditions, v1alpha1.ConditionPreviews); c == nil || c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "502") {
			return fmt.Errorf("condition %+v", c)
		}
		return nil
	})
	if _, err := p.stage(stage); err != nil {
		t.Errorf("the preview went: %v", err)
	}
	other := p.push("main", "boss", map[string]string{"deploy/settings.yaml": settings("meanwhile")})
	p.reaches("production", other, v1alpha1.PhaseHeld) // pushes go on
	repair()
	p.ended(stage)
}
