//go:build integration

package controller_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/cluster"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// withHost are the files of a repository whose manifests use a host.
func withHost(host string) map[string]string {
	files := siteFiles(devStage, "hello")
	files["deploy/kustomization.yaml"] = "resources: [settings.yaml, service.yaml, web/ingress.yaml]\n"
	files["deploy/web/ingress.yaml"] = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: site}\nspec:\n  rules:\n  - host: " + host +
		"\n    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: site, port: {number: 80}}}}]}\n"
	return files
}

// A project has its stages' own hosts, and those that the platform team gives it.
func TestHostsAreGiven(t *testing.T) {
	p := join(t, "host-given", withHost("login.stages.example"), func(p *v1alpha1.Project) { p.Spec.Hosts = []string{"shop.example"} })
	refused := p.reaches("dev", p.head("main"), v1alpha1.PhaseFailed)
	for _, part := range []string{"login.stages.example", "was not given to this project", "spec.hosts of the Project", "rule host,"} {
		if !strings.Contains(refused.Status.Message, part) {
			t.Errorf("the release does not say %q: %s", part, refused.Status.Message)
		}
	}
	p.reaches("dev", p.push("main", "dev", withHost("shop.example")), v1alpha1.PhaseSucceeded)
}

func TestHostBelongsToOneProject(t *testing.T) {
	first := join(t, "host-first", withHost("one.example"), nil)
	first.reaches("dev", first.head("main"), v1alpha1.PhaseSucceeded)
	second := join(t, "host-second", withHost("one.example"), nil)
	refused := second.reaches("dev", second.head("main"), v1alpha1.PhaseFailed)
	message := refused.Status.Message
	for _, part := range []string{"Ingress/site", "spec.rules[0].host", "one.example", "rule host-owner", "deploy/web/ingress.yaml", "another project"} {
		if !strings.Contains(message, part) {
			t.Errorf("the release does not say %q: %s", part, message)
		}
	}
	if strings.Contains(message, "host-first") {
		t.Errorf("the release names the owner of the host to another project: %s", message)
	}

	first.reaches("dev", first.push("main", "dev", withHost("two.example")), v1alpha1.PhaseSucceeded)
	second.reaches("dev", second.push("main", "dev", map[string]string{"README.md": "again"}), v1alpha1.PhaseSucceeded)
	late := first.reaches("dev", first.push("main", "dev", withHost("one.example")), v1alpha1.PhaseFailed)
	if !strings.Contains(late.Status.Message, "host-owner") {
		t.Errorf("the host was not given up, or taken twice: %s", late.Status.Message)
	}
}

func TestHostIsFreeAfterItsStage(t *testing.T) {
	files := withHost("short.example")
	files["slipway.yaml"] = projectFile("  - {name: feature, branch: \"feature/*\"}\n", site)
	first := join(t, "host-short", files, nil)
	branch := first.push("feature/x", "dev", map[string]string{"README.md": "x"})
	stage := naming.StageForRef("feature", "refs/heads/feature/x")
	first.reaches(stage, branch, v1alpha1.PhaseSucceeded)
	if err := env.Forge.SetRef(first.Path, "refs/heads/feature/x", "", "dev"); err != nil {
		t.Fatal(err)
	}
	if err := env.Forge.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.eventually("the stage is gone", func() error {
		if _, err := first.stage(stage); !apierrors.IsNotFound(err) {
			return fmt.Errorf("stage: %w", err)
		}
		return nil
	})
	second := join(t, "host-after", withHost("short.example"), nil)
	second.reaches("dev", second.head("main"), v1alpha1.PhaseSucceeded)
}

// TestHostHasOneWinner lets many projects claim one host at the same time.
func TestHostHasOneWinner(t *testing.T) {
	if _, err := env.Server(t.Context()); err != nil {
		t.Fatal(err)
	}
	var key corev1.Secret // the server's, which made the namespace of claims
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: "slipway-system", Name: "slipway-source-key"}, &key); err != nil {
		t.Fatal(err)
	}
	marker, err := tenancy.NewMarker(key.Data["key"], time.Now)
	if err != nil {
		t.Fatal(err)
	}
	const rivals, host = 16, "race.example"
	won := make([]bool, rivals)
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range rivals {
		keeper := tenancy.NewNamespaceApplier(env.Client, marker, time.Now)
		claims := cluster.NewClaims(env.Client, keeper, marker, tenancy.Subject{Namespace: "slipway-system", Name: "slipway"})
		owner := inventory.Owner{Organization: "race", Project: string(rune('a' + i)), Stage: "dev"}
		namespace := naming.Namespace(owner.Organization, owner.Project, owner.Stage)
		made := &corev1.Namespace{}
		made.Name = namespace
		if err := env.Client.Create(t.Context(), made); err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			<-start
			taken, err := claims.Claim(t.Context(), owner, namespace, []string{host})
			if err != nil {
				t.Error(err)
			}
			won[i] = len(taken) == 0
		})
	}
	close(start)
	group.Wait()
	winners := 0
	for _, one := range won {
		if one {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d projects have the host, want one", winners)
	}
}
