//go:build integration

package controller_test

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

// secondary makes a further repository with files, and returns what adds it
// to the project.
func secondary(t *testing.T, path string, files map[string]string) func(*v1alpha1.Project) {
	t.Helper()
	if err := env.Forge.CreateRepository(path); err != nil {
		t.Fatal(err)
	}
	if _, err := env.Forge.Push(path, "main", files, "first", "owner"); err != nil {
		t.Fatal(err)
	}
	return func(p *v1alpha1.Project) {
		further := *p.Spec.Repositories[0].DeepCopy()
		further.Name, further.Path, further.URL = "further", path, env.Forge.CloneURL(path)
		p.Spec.Repositories = append(p.Spec.Repositories, further)
	}
}

func furtherFile(services string) map[string]string {
	return map[string]string{"slipway.yaml": "version: 1\nproject: shop\nservices:\n" + services}
}

// TestFurtherRepositoryDeclaresServices merges the files of two repositories,
// releases a push to the second, and refuses what it may not say.
func TestFurtherRepositoryDeclaresServices(t *testing.T) {
	image, err := env.Image(t.Context(), "acme/further", "1")
	if err != nil {
		t.Fatal(err)
	}
	const path = "acme/further-second"
	service := func(text string) map[string]string {
		return furtherFile("  api: {image: \"" + image + "\", env: {TEXT: " + text + "}}\n")
	}
	p := join(t, "further", siteFiles(devStage, "hello"), secondary(t, path, service("first")))
	p.kubelet(p.stageNamespace("dev"))
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	text := func() string {
		var api appsv1.Deployment
		if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.stageNamespace("dev"), Name: "api"}, &api); err != nil {
			t.Fatal(err)
		}
		return api.Spec.Template.Spec.Containers[0].Env[0].Value
	}
	if got := text(); got != "first" {
		t.Errorf("the service of the second repository says %q", got)
	}

	second := func(files map[string]string) {
		t.Helper()
		if _, err := env.Forge.Push(path, "main", files, "change", "dev"); err != nil {
			t.Fatal(err)
		}
		p.push("main", "dev", map[string]string{"README.md": fmt.Sprint(files)}) // only the first repository's hook is set
	}
	second(service("second"))
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	if got := text(); got != "second" {
		t.Errorf("after a push to the second repository it says %q", got)
	}

	for name, wrong := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a name of the first": {furtherFile("  site: {image: \"" + image + "\"}\n"), "further:slipway.yaml:4:3: services.site: project shop has a service site already, in slipway.yaml:"},
		"stages":              {map[string]string{"slipway.yaml": "version: 1\nproject: shop\nstages: []\nservices: {a: {image: a}}\n"}, "further:slipway.yaml:3:1: stages: is not a known key here"},
		"a chart":             {furtherFile("  site2: {helm: {chart: a}}\n"), "needs files of its repository"},
	} {
		second(wrong.files)
		p.eventually(name+" is refused", func() error {
			var made v1alpha1.Project
			if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &made); err != nil {
				return err
			}
			condition := meta.FindStatusCondition(made.Status.Conditions, v1alpha1.ConditionSynced)
			if condition == nil || !strings.Contains(condition.Message, wrong.want) {
				return fmt.Errorf("condition %+v", condition)
			}
			return nil
		})
	}
}

// TestPushToABuiltRepository releases a push to a repository that a service
// is built from.
func TestPushToABuiltRepository(t *testing.T) {
	const path = "acme/built-second"
	second := secondary(t, path, map[string]string{"Dockerfile": "FROM scratch\nCOPY main.txt /\nRUN [\"/x\"]\n", "main.txt": "first\n"})
	files := siteFiles(devStage, "hello")
	files["slipway.yaml"] += "  other: {build: {repository: \"" + env.Forge.CloneURL(path) + "\", ref: main, context: .}}\n"
	p := join(t, "built", files, second)
	first := p.reaches("dev", p.head("main"), v1alpha1.PhaseBuilding)

	if _, err := env.Forge.SetHook(path, env.Hook(p.Organization, p.Name), servertest.WebhookSecret, "push"); err != nil {
		t.Fatal(err)
	}
	push := func(branch string) string {
		t.Helper()
		commit, err := env.Forge.Push(path, branch, map[string]string{"main.txt": "second, on " + branch + "\n"}, "change", "dev")
		if err != nil {
			t.Fatal(err)
		}
		return commit
	}
	push("main")
	p.eventually("the push to the second repository is released", func() error {
		releases := p.releases("dev")
		newest := releases[len(releases)-1]
		if len(releases) != 2 || newest.Spec.Head.Commit != first.Spec.Head.Commit || newest.Status.Phase != v1alpha1.PhaseBuilding {
			return fmt.Errorf("%d releases, the newest is %+v", len(releases), newest.Status)
		}
		return nil
	})
	p.served(push("elsewhere"), "")
	if releases := p.releases("dev"); len(releases) != 2 {
		t.Errorf("%d releases: a branch that nothing is built from was released", len(releases))
	}
}
