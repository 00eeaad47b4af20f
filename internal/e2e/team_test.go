//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/e2e/stand"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

const organization = "acme"

// team is a project of the organization with its repository at the forge.
type team struct {
	*environment
	name string
	repo string
	// hook is where deliveries go, signed with secret.
	hook, secret string
}

// newTeam registers a project with an empty repository.
func newTeam(t *testing.T, name string) *team {
	t.Helper()
	repo := "acme/" + name
	if err := shared.forge.CreateRepository(repo); err != nil {
		t.Fatal(err)
	}
	p := stand.Project{
		Organization: organization, Name: name, Path: repo,
		URL: shared.forge.CloneURL(repo), API: shared.forge.APIURL(),
		Token: shared.token, Secret: rand.Text(),
	}
	shared.secrets = append(shared.secrets, p.Secret)
	if _, err := shared.forge.SetHook(repo, shared.Hook(p), p.Secret); err != nil {
		t.Fatal(err)
	}
	if err := shared.Register(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return &team{environment: shared, name: name, repo: repo, hook: shared.Hook(p), secret: p.Secret}
}

// push pushes files as a person and returns the commit.
func (tm *team) push(t *testing.T, login, branch string, files map[string]string, message string) string {
	t.Helper()
	commit, err := tm.forge.Push(tm.repo, branch, files, message, login)
	if err != nil {
		t.Fatal(err)
	}
	return commit
}

func (tm *team) namespace() string { return naming.OrganizationNamespace(organization) }

// stage is the namespace of one of the team's stages.
func (tm *team) stage(name string) string { return naming.Namespace(organization, tm.name, name) }

// host is where a service of a stage is reached.
func (tm *team) host(service, stage string) string {
	return naming.Host(service, stage, tm.name, "localhost")
}

// releases returns the releases of a stage for a commit, oldest first.
func (tm *team) releases(ctx context.Context, stage, commit string) ([]v1alpha1.Release, error) {
	out, err := tm.Kubectl(ctx, "-n", tm.namespace(), "get", "releases", "-o", "json")
	if err != nil {
		return nil, err
	}
	var list v1alpha1.ReleaseList
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, err
	}
	var found []v1alpha1.Release
	for _, r := range list.Items {
		if r.Spec.Stage == naming.StageObject(tm.name, stage) && r.Spec.Head.Commit == commit {
			found = append(found, r)
		}
	}
	return found, nil
}

// await waits until the commit's release in a stage is in a phase.
func (tm *team) await(t *testing.T, stage, commit string, phase v1alpha1.Phase) v1alpha1.Release {
	t.Helper()
	var last v1alpha1.Release
	err := stand.Poll(t.Context(), 5*time.Minute, func(ctx context.Context) (bool, error) {
		found, err := tm.releases(ctx, stage, commit)
		if err != nil || len(found) == 0 {
			return false, err
		}
		last = found[len(found)-1]
		if last.Status.Phase.Done() && last.Status.Phase != phase {
			return false, fmt.Errorf("the release is %s: %s", last.Status.Phase, last.Status.Message)
		}
		return last.Status.Phase == phase, nil
	})
	if err != nil {
		tm.explain(t)
		t.Fatalf("stage %s, commit %.8s: wait for %s (now %q, %s): %v", stage, commit, phase, last.Status.Phase, last.Status.Message, err)
	}
	return last
}

// explain logs what helps to understand a failed test.
func (tm *team) explain(t *testing.T) {
	for _, args := range [][]string{
		{"get", "projects,stages,releases,deliveries", "-n", tm.namespace()},
		{"get", "pods", "-A"},
		{"logs", "-n", stand.Namespace, "deploy/slipway", "--tail=60"},
	} {
		out, err := tm.Kubectl(context.WithoutCancel(t.Context()), args...)
		t.Logf("kubectl %s\n%s %v", strings.Join(args, " "), out, err)
	}
}

// page waits until a page of a service holds a text.
func (tm *team) page(t *testing.T, service, stage, want string) {
	t.Helper()
	var status int
	var body string
	err := stand.Poll(t.Context(), time.Minute, func(ctx context.Context) (bool, error) {
		var err error
		status, body, err = tm.Get(ctx, tm.host(service, stage), "/")
		return err == nil && status == http.StatusOK && strings.Contains(body, want), nil
	})
	if err != nil {
		tm.explain(t)
		t.Fatalf("page of %s in %s: want %q, got %d %q: %v", service, stage, want, status, body, err)
	}
}

// status waits until the commit's status of a stage has a state, and returns
// it.
func (tm *team) status(t *testing.T, stage, commit, state string) forgetest.Status {
	t.Helper()
	var last forgetest.Status
	err := stand.Poll(t.Context(), 30*time.Second, func(context.Context) (bool, error) {
		all, err := tm.forge.Statuses(tm.repo, commit)
		if err != nil {
			return false, err
		}
		for _, s := range all { // newest first
			if strings.HasSuffix(s.Context, stage) {
				last = s
				return s.State == state, nil
			}
		}
		return false, nil
	})
	if err != nil {
		t.Fatalf("status of %.8s in %s: want %s, last was %+v: %v", commit, stage, state, last, err)
	}
	return last
}

// jobs returns the names of the team's build Jobs.
func (tm *team) jobs(t *testing.T) map[string]bool {
	t.Helper()
	out, err := tm.Kubectl(t.Context(), "-n", naming.BuildNamespace(organization, tm.name), "get", "jobs", "-o", "name")
	if err != nil {
		t.Fatal(err)
	}
	jobs := map[string]bool{}
	for name := range strings.FieldsSeq(out) {
		jobs[name] = true
	}
	return jobs
}

// end takes a stage down for good: a node has room for a few.
func (tm *team) end(t *testing.T, stage string) {
	t.Helper()
	for _, args := range [][]string{
		{"patch", "project", tm.name, "--type=merge", "-p", `{"spec":{"suspend":true}}`},
		{"delete", "stage", naming.StageObject(tm.name, stage), "--timeout=2m"},
	} {
		if out, err := tm.Kubectl(t.Context(), append([]string{"-n", tm.namespace()}, args...)...); err != nil {
			t.Fatalf("kubectl %s: %s: %v", strings.Join(args, " "), out, err)
		}
	}
}

// gone waits until kubectl finds an object no more.
func (tm *team) gone(t *testing.T, args ...string) {
	t.Helper()
	var out string
	err := stand.Poll(t.Context(), time.Minute, func(ctx context.Context) (bool, error) {
		var err error
		out, err = tm.Kubectl(ctx, append([]string{"get", "--ignore-not-found", "-o", "name"}, args...)...)
		return strings.TrimSpace(out) == "", err
	})
	if err != nil {
		t.Fatalf("%s is still there: %s: %v", strings.Join(args, " "), out, err)
	}
}
