//go:build integration

package controller_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/naming"
)

var env *servertest.Environment

func TestMain(m *testing.M) {
	servertest.Main(m, func(w *servertest.Environment) { env = w })
}

// unavailableTimeout bounds every wait: it is long because machines are slow, and never
// used up when all is well.
const unavailableTimeout = 90 * time.Second

// team is a project under test.
type team struct {
	*servertest.Project
	t *testing.T
}

// stages of the project file that most tests begin with.
const devStage = "  - {name: dev, branch: main}\n"

// projectFile returns a slipway.yaml with stages and services.
func projectFile(stages, services string) string {
	return "version: 1\nproject: shop\nmembers:\n" +
		"  - {user: owner, role: owner}\n  - {user: boss, role: maintainer}\n  - {user: dev, role: developer}\n" +
		"stages:\n" + stages + "services:\n" + services
}

// site is a service of plain objects, which are ready at once.
const site = "  site: {kustomize: deploy}\n"

// siteFiles returns the files of a repository with a kustomize service.
func siteFiles(stages, greeting string) map[string]string {
	return map[string]string{
		"slipway.yaml":              projectFile(stages, site),
		"README.md":                 "# shop\n",
		"deploy/kustomization.yaml": "resources: [settings.yaml, service.yaml]\n",
		"deploy/settings.yaml":      settings(greeting),
		"deploy/service.yaml":       "apiVersion: v1\nkind: Service\nmetadata: {name: site}\nspec:\n  ports: [{port: 80}]\n  selector: {app: site}\n",
	}
}

func settings(greeting string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {greeting: \"" + greeting + "\"}\n"
}

// join makes an organization with the project shop, and a server that works
// for it and knows the project: its receiver refuses the deliveries of others.
func join(t *testing.T, organization string, files map[string]string, change func(*v1alpha1.Project)) *team {
	t.Helper()
	if _, err := env.Server(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), unavailableTimeout)
	defer cancel()
	if err := env.Organization(ctx, organization); err != nil {
		t.Fatal(err)
	}
	p := &servertest.Project{Organization: organization, Name: "shop", Change: change}
	if err := env.Register(ctx, p, files); err != nil {
		t.Fatal(err)
	}
	team := &team{Project: p, t: t}
	t.Cleanup(team.suspend)
	team.recipient()
	return team
}

// suspend ends the automatic work of the project: other tests share the
// server.
func (p *team) suspend() {
	if server, err := env.Server(context.WithoutCancel(p.t.Context())); p.t.Failed() && err == nil {
		p.t.Logf("the server's log:\n%s", server.Log)
	}
	project := &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace}}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"suspend":true}}`))
	if err := env.Client.Patch(context.WithoutCancel(p.t.Context()), project, patch); err != nil {
		p.t.Error(err)
	}
}

// push changes files on a branch and returns the commit.
func (p *team) push(branch, login string, files map[string]string) string {
	p.t.Helper()
	commit, err := env.Forge.Push(p.Path, branch, files, "change "+branch, login)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := env.Forge.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	return commit
}

func (p *team) releases(stage string) []v1alpha1.Release {
	p.t.Helper()
	releases, err := env.Releases(p.t.Context(), p.Project, stage)
	if err != nil {
		p.t.Fatal(err)
	}
	return releases
}

// reaches waits until the only release of a commit is in a phase. One that a sync made
// before the commit's delivery arrived, and so without a pusher, doesn't count beside
// the one that names the pusher.
func (p *team) reaches(stage, commit string, phase v1alpha1.Phase) v1alpha1.Release {
	p.t.Helper()
	var found v1alpha1.Release
	p.eventually("release of "+commit[:8], func() error {
		releases := slices.DeleteFunc(p.releases(stage), func(r v1alpha1.Release) bool { return r.Spec.Head.Commit != commit })
		named := func(r v1alpha1.Release) bool { return r.Spec.Head.Actor != "" }
		if slices.ContainsFunc(releases, named) {
			releases = slices.DeleteFunc(releases, func(r v1alpha1.Release) bool {
				return !named(r) && r.Status.Phase == v1alpha1.PhaseSuperseded
			})
		}
		count := len(releases)
		if count > 0 {
			found = releases[count-1]
		}
		if count != 1 || found.Status.Phase != phase {
			return fmt.Errorf("%d releases, phase %q: %s; want one, %s", count, found.Status.Phase, found.Status.Message, phase)
		}
		return nil
	})
	return found
}

// head returns the commit of a branch at the forge.
func (p *team) head(branch string) string {
	p.t.Helper()
	commit, err := env.Forge.Head(p.Path, branch)
	if err != nil {
		p.t.Fatal(err)
	}
	return commit
}

// eventually waits until a check passes.
func (p *team) eventually(what string, check func() error) {
	p.t.Helper()
	for deadline := time.Now().Add(unavailableTimeout); ; time.Sleep(20 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: %v", what, err)
		}
	}
}

// rests waits until the server has made no request for the team for a second: what a
// release leaves to do takes as long as the machine is busy.
func (p *team) rests() {
	p.t.Helper()
	p.eventually("the server rests", func() error {
		env.Traffic.Take()
		time.Sleep(time.Second)
		for _, call := range env.Traffic.Take() {
			if call.Verb != "WATCH" && p.owns(call) {
				return fmt.Errorf("it makes requests: %s", call)
			}
		}
		return nil
	})
}

// owns reports whether a request is about the team's objects.
func (p *team) owns(call servertest.Call) bool {
	return strings.Contains(call.Path, "/"+p.Namespace+"/") || strings.Contains(call.Path, "/sw-"+p.Organization+"-")
}

func (p *team) stageNamespace(stage string) string {
	return naming.Namespace(p.Organization, p.Name, stage)
}

// greeting returns what the stage's settings say, and the version of the
// object that says it.
func (p *team) greeting(stage string) (text, version string) {
	p.t.Helper()
	var maps corev1.ConfigMapList
	if err := env.Client.List(p.t.Context(), &maps, client.InNamespace(p.stageNamespace(stage))); err != nil {
		p.t.Fatal(err)
	}
	for _, m := range maps.Items {
		if greeting, ok := m.Data["greeting"]; ok {
			text, version = greeting, m.ResourceVersion
		}
	}
	return text, version
}

func (p *team) deliveries() []v1alpha1.Delivery {
	p.t.Helper()
	var all v1alpha1.DeliveryList
	if err := env.Client.List(p.t.Context(), &all, client.InNamespace(p.Namespace)); err != nil {
		p.t.Fatal(err)
	}
	return all.Items
}

// stage returns the Stage object; its error says that there is none.
func (p *team) stage(name string) (*v1alpha1.Stage, error) {
	var stage v1alpha1.Stage
	err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: naming.StageObject(p.Name, name)}, &stage)
	return &stage, err
}

// status returns the state of a commit's status at the forge for a stage, and
// what it says.
func (p *team) status(commit, stage string) (state, message string) {
	p.t.Helper()
	all, err := env.Forge.Statuses(p.Path, commit)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, s := range all { // newest first
		if strings.HasSuffix(s.Context, "/"+stage) {
			return s.State, s.Description
		}
	}
	return "", ""
}

// kubelet makes every pod of a namespace run, as nodes would, until the test
// ends.
func (p *team) kubelet(namespace string) {
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan error, 1)
	go func() { done <- runPods(ctx, namespace) }()
	p.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Error(err)
		}
	})
}

func runPods(ctx context.Context, namespace string) error {
	for {
		var pods corev1.PodList
		if err := env.Client.List(ctx, &pods, client.InNamespace(namespace)); err != nil && ctx.Err() == nil {
			return err
		}
		for i := range pods.Items {
			pod := &pods.Items[i]
			if pod.Status.Phase == corev1.PodRunning {
				continue
			}
			pod.Status.Phase = corev1.PodRunning
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}}
			err := env.Client.Status().Update(ctx, pod)
			if client.IgnoreNotFound(err) != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
				continue // somebody changed it meanwhile: look again
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}
