//go:build integration

package bench

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// patience bounds the wait for one push.
const patience = 2 * time.Minute

// yard is a project whose stages are all live.
type yard struct {
	*servertest.Project
	scenario scenario
	events   watch.Interface
	pushed   string    // the last commit
	sent     time.Time // when its delivery set out
}

func newYard(b *testing.B, s scenario, organization string) *yard {
	b.Helper()
	if err := world.Organization(b.Context(), organization); err != nil {
		b.Fatal(err)
	}
	y := &yard{Project: &servertest.Project{Organization: organization, Name: "shop"}, scenario: s}
	if err := world.Register(b.Context(), y.Project, repository(s)); err != nil {
		b.Fatal(err)
	}
	var err error
	y.events, err = world.Client.Watch(b.Context(), &corev1.ConfigMapList{}, client.MatchingLabels{
		naming.LabelManagedBy: naming.ManagedBy, naming.LabelOrganization: organization,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(y.close)
	y.branch(b)
	y.settled(b, s.all)
	return y
}

// close ends the watch and the automatic work of the project.
func (y *yard) close() {
	y.events.Stop()
	project := &v1alpha1.Project{}
	project.Name, project.Namespace = y.Name, y.Namespace
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"suspend":true}}`))
	_ = world.Client.Patch(context.Background(), project, patch)
}

// repository returns the files that a scenario's repository begins with.
func repository(s scenario) map[string]string {
	files := map[string]string{
		"slipway.yaml": "version: 1\nproject: shop\nmembers: [{user: boss, role: owner}, {user: dev, role: developer}]\nstages:\n" + s.rules +
			"services:\n  site: {kustomize: deploy}\n",
		"deploy/kustomization.yaml": "resources: [settings.yaml, colours.yaml, words.yaml, service.yaml, metrics.yaml]\n",
		"deploy/colours.yaml":       "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: colours}\ndata: {red: \"1\", green: \"2\"}\n",
		"deploy/words.yaml":         "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: words}\ndata: {yes: ja, no: nein}\n",
	}
	for _, name := range []string{"service", "metrics"} {
		files["deploy/"+name+".yaml"] = "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec:\n  ports: [{port: 80}]\n  selector: {app: site}\n"
	}
	maps.Copy(files, settings("first"))
	for i := len(files); i < s.files; i++ {
		files[fmt.Sprintf("src/d%02d/f%04d.txt", i%97, i)] = fmt.Sprintf("file %d of a larger repository\n", i)
	}
	return files
}

// branch makes the scenario's branches, and tells the server of the last.
func (y *yard) branch(b *testing.B) {
	b.Helper()
	head, err := world.Forge.Head(y.Path, "main")
	if err != nil {
		b.Fatal(err)
	}
	for i, branch := range y.scenario.branches {
		world.Forge.Intercept(func(d forgetest.Delivery) []forgetest.Delivery {
			if i == len(y.scenario.branches)-1 {
				return []forgetest.Delivery{d}
			}
			return nil
		})
		if err := world.Forge.SetRef(y.Path, "refs/heads/"+branch, head, "dev"); err != nil {
			b.Fatal(err)
		}
	}
	world.Forge.Intercept(nil)
}

// settled waits until so many stages are live and nothing is under way.
func (y *yard) settled(b *testing.B, want int) {
	b.Helper()
	for deadline := time.Now().Add(patience + time.Duration(want)*time.Second); ; time.Sleep(5 * time.Millisecond) {
		var all v1alpha1.StageList
		if err := world.Client.List(b.Context(), &all, client.InNamespace(y.Namespace)); err != nil {
			b.Fatal(err)
		}
		live := 0
		for _, stage := range all.Items {
			if stage.Status.Phase == v1alpha1.PhaseSucceeded && stage.Status.Commit == stage.Spec.Wanted.Commit {
				live++
			}
		}
		if live == want {
			return
		}
		if time.Now().After(deadline) {
			var project v1alpha1.Project
			_ = world.Client.Get(b.Context(), client.ObjectKey{Namespace: y.Namespace, Name: y.Name}, &project)
			b.Fatalf("%d of %d stages are live: %+v; the project: %+v", live, want, all.Items, project.Status)
		}
	}
}

// push changes the settings, waits until every touched stage has them, and
// then until the server has nothing more to do. It returns the time from the
// delivery setting out until the last object changed.
func (y *yard) push(b *testing.B, greeting string) time.Duration {
	b.Helper()
	var err error
	if y.pushed, err = world.Forge.Push(y.Path, y.scenario.branch, settings(greeting), "change", "dev"); err != nil {
		b.Fatal(err)
	}
	last := y.arrived(b, greeting)
	y.sent = world.Post.Last()
	y.settled(b, y.scenario.all)
	return last.Sub(y.sent)
}

// arrived returns when the last touched stage got its settings.
func (y *yard) arrived(b *testing.B, greeting string) time.Time {
	b.Helper()
	timeout := time.After(patience)
	for open := len(y.scenario.touched); open > 0; {
		select {
		case event, more := <-y.events.ResultChan():
			if !more {
				b.Fatal("the watch ended")
			}
			if m, ok := event.Object.(*corev1.ConfigMap); ok && m.Data["greeting"] == greeting {
				open--
			}
		case <-timeout:
			b.Fatalf("%d stages did not get %s within %s", open, greeting, patience)
		}
	}
	return time.Now()
}
