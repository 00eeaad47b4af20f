//go:build gitea

package realforge

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/naming"
)

var (
	world   *servertest.Environment
	program servertest.Program
)

// patience bounds every wait: it is long because machines are slow, and never
// used up when all is well.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	servertest.Main(m, func(w *servertest.Environment) {
		world = w
		var err error
		if program, err = w.Compile(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	})
}

// start starts a Gitea and a server for the test.
func start(t *testing.T) *gitea {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	forge, err := startGitea(ctx, "owner", bot, "boss", "dev", "carol")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(forge.stop)
	if _, err := world.Server(ctx); err != nil {
		t.Fatal(err)
	}
	return forge
}

// team is a project whose repository is at the forge.
type team struct {
	*servertest.Project
	t     *testing.T
	forge *gitea
}

// found makes a repository with files, and a project of it without a hook.
func found(t *testing.T, forge *gitea, name string, files map[string]string) *team {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	path := organization + "/" + name
	made := object{"name": name, "default_branch": "main", "private": true}
	if err := forge.call(ctx, "owner", "POST", "/orgs/"+organization+"/repos", made, nil); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"boss", "dev", "carol"} {
		if err := forge.call(ctx, "owner", "PUT", "/repos/"+path+"/collaborators/"+user, object{"permission": "write"}, nil); err != nil {
			t.Fatal(err)
		}
	}
	forge.clone(t, path, "owner").push("main", files)
	if err := world.Organization(ctx, name); err != nil {
		t.Fatal(err)
	}
	p := &team{Project: &servertest.Project{Organization: name, Name: "shop"}, t: t, forge: forge}
	repository := v1alpha1.Repository{Name: "main", Forge: "gitea", Path: path, URL: forge.url + "/" + path + ".git", API: forge.url}
	if err := world.Enroll(ctx, p.Project, repository, forge.tokens[bot]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.explain)
	return p
}

// explain says how things stand when a test has failed.
func (p *team) explain() {
	if !p.t.Failed() {
		return
	}
	ctx := context.WithoutCancel(p.t.Context())
	var projects v1alpha1.ProjectList
	var stages v1alpha1.StageList
	var deliveries v1alpha1.DeliveryList
	for _, list := range []client.ObjectList{&projects, &stages, &deliveries} {
		if err := world.Client.List(ctx, list, client.InNamespace(p.Namespace)); err != nil {
			p.t.Error(err)
		}
	}
	for _, project := range projects.Items {
		p.t.Logf("project %+v", project.Status)
	}
	for _, stage := range stages.Items {
		p.t.Logf("stage %s %+v", stage.Name, stage.Status)
	}
	for _, delivery := range deliveries.Items {
		p.t.Logf("delivery %+v: %+v", delivery.Spec, delivery.Status)
	}
	if server, err := world.Server(ctx); err == nil {
		p.t.Logf("the server's log:\n%s\nGitea's:\n%s", server.Log, p.forge.said.String())
	}
}

// files are those of a repository with one service of plain objects.
func files(stages, greeting string) map[string]string {
	return map[string]string{
		"slipway.yaml": "version: 1\nproject: shop\nmembers:\n  - {user: owner, role: owner}\n  - {group: acme/leads, role: maintainer}\n  - {user: boss, role: maintainer}\n" +
			"  - {user: dev, role: developer}\nstages:\n" + stages + "services:\n  site: {kustomize: deploy}\n",
		"deploy/kustomization.yaml": "resources: [settings.yaml]\n",
		"deploy/settings.yaml":      says(greeting)["deploy/settings.yaml"],
	}
}

// says is a change of the settings.
func says(greeting string) map[string]string {
	return map[string]string{"deploy/settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {greeting: \"" + greeting + "\"}\n"}
}

// hook is a row that the hooks commands print.
type hook struct{ ID, URL, Did, Why string }

// hooks runs a command of slipway hooks.
func (p *team) hooks(arguments ...string) []hook {
	p.t.Helper()
	arguments = append(append([]string{"hooks"}, arguments...), "shop", "--organization", p.Organization, "--allow-http",
		"--url", strings.TrimSuffix(world.Hook(p.Organization, "shop"), "/hooks/"+p.Organization+"/shop"), "-o", "json")
	command := exec.CommandContext(p.t.Context(), string(program), arguments...)
	command.Env = []string{"KUBECONFIG=" + world.Plane.Kubeconfig, "HOME=" + p.t.TempDir()}
	output, err := command.Output()
	if err != nil {
		p.t.Fatalf("slipway %v: %v\n%s", arguments, err, output)
	}
	var rows []hook
	if err := json.Unmarshal(output, &rows); err != nil && len(output) > 0 {
		p.t.Fatalf("slipway %v: %v\n%s", arguments, err, output)
	}
	return rows
}

// eventually waits until a check passes.
func (p *team) eventually(what string, check func() error) {
	p.t.Helper()
	began := time.Now()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		err := check()
		if err == nil {
			p.t.Logf("%s: after %s", what, time.Since(began).Round(time.Millisecond))
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: %v", what, err)
		}
	}
}

// reaches waits until the newest release of a commit is in a phase, and says
// all texts. There is an earlier one when the commit was seen before the forge
// said who pushed it.
func (p *team) reaches(stage, commit string, phase v1alpha1.Phase, texts ...string) {
	p.t.Helper()
	p.eventually("release of "+commit[:8], func() error {
		releases, err := world.Releases(p.t.Context(), p.Project, stage)
		if err != nil {
			return err
		}
		for _, release := range slices.Backward(releases) {
			if release.Spec.Head.Commit != commit {
				continue
			}
			if status := release.Status; status.Phase != phase || !holds(status.Message, texts) {
				return fmt.Errorf("%s: %s; want %s that says %q", status.Phase, status.Message, phase, texts)
			}
			return nil
		}
		return fmt.Errorf("none among %d releases", len(releases))
	})
}

func holds(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// gone waits until there is no such stage.
func (p *team) gone(stage string) {
	p.t.Helper()
	p.eventually("stage "+stage+" goes", func() error {
		var kept v1alpha1.Stage
		err := world.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: naming.StageObject(p.Name, stage)}, &kept)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if err == nil {
			return fmt.Errorf("it is there: %s", kept.Name)
		}
		return nil
	})
}

// greeting returns what the stage's settings say.
func (p *team) greeting(stage string) string {
	p.t.Helper()
	var settings corev1.ConfigMap
	key := client.ObjectKey{Namespace: naming.Namespace(p.Organization, p.Name, stage), Name: "settings"}
	if err := world.Client.Get(p.t.Context(), key, &settings); err != nil {
		p.t.Fatal(err)
	}
	return settings.Data["greeting"]
}

// told waits until the newest status of a commit for a stage is in a state, and
// says all texts.
func (p *team) told(commit, stage, state string, texts ...string) {
	p.t.Helper()
	type status struct {
		ID                           int64
		Context, Status, Description string
	}
	p.eventually("the status of "+commit[:8], func() error {
		var all []status
		if err := p.forge.call(p.t.Context(), "dev", "GET", "/repos/"+p.Path+"/commits/"+commit+"/statuses", nil, &all); err != nil {
			return err
		}
		var newest status
		for _, s := range all {
			if s.Context == "slipway/"+stage && s.ID > newest.ID {
				newest = s
			}
		}
		if newest.Status != state || !holds(newest.Description, texts) {
			return fmt.Errorf("%+v; want %s that says %q", newest, state, texts)
		}
		return nil
	})
}
