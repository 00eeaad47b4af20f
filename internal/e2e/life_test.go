//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/e2e/stand"
	"github.com/slipway-dev/slipway/internal/naming"
)

const lifeFile = `version: 1
project: life
members:
  - {user: alice, role: owner}
  - {user: bob, role: developer}
stages:
  - {name: staging, branch: main}
  - {name: production, branch: main, promoteFrom: staging, protected: true}
  - {name: guarded, branch: guarded, protected: true}
services:
  web:
    build: {context: web}
    port: 8080
    routes: [{path: /}]
    health: {path: /}
`

func lifeFiles(page string) map[string]string {
	return map[string]string{"slipway.yaml": lifeFile, "web/Dockerfile": storyDockerfile, "web/index.html": page + "\n"}
}

// TestReleaseLife goes back, promotes, approves, pauses, scales and restarts,
// as the people who do it.
func TestReleaseLife(t *testing.T) {
	tm := newTeam(t, "life")
	tm.admit(t, "alice", "slipway-operator")
	tm.admit(t, "bob", "slipway-member")
	good := tm.push(t, "alice", "main", lifeFiles("web one"), "One")
	tm.await(t, "staging", good, v1alpha1.PhaseSucceeded)
	tm.page(t, "web", "staging", "web one")
	bad := tm.push(t, "alice", "main", map[string]string{"web/index.html": "web broken\n"}, "Two, which is bad")
	tm.await(t, "staging", bad, v1alpha1.PhaseSucceeded)
	tm.page(t, "web", "staging", "web broken")

	t.Run("a rollback is live within five seconds, without a build", func(t *testing.T) { rollsBack(t, tm, good) })
	t.Run("the quarantined commit stays away, a fixed descendant does not", func(t *testing.T) { staysAway(t, tm, bad) })
	t.Run("a promotion runs the very same digests", func(t *testing.T) { promotes(t, tm) })
	t.Run("an approval names the approver", func(t *testing.T) { approves(t, tm) })
	t.Run("a paused stage waits", func(t *testing.T) { pauses(t, tm) })
	t.Run("scaling holds until it is reset", func(t *testing.T) { scales(t, tm) })
	t.Run("a restart makes new pods of the same images", func(t *testing.T) { restarts(t, tm) })
}

// rollsBack goes back from a bad release and measures until the old page is
// served again.
func rollsBack(t *testing.T, tm *team, good string) {
	jobs := tm.jobs(t)
	began := time.Now()
	out := tm.must(t, "bob", "rollback", "life", "staging", "--reason", "the page is broken")
	returned := time.Since(began)
	tm.page(t, "web", "staging", "web one")
	live := time.Since(began)
	t.Logf("rollback: the command returned after %.2f s, the page was back after %.2f s\n%s", returned.Seconds(), live.Seconds(), out)
	if live > 5*time.Second {
		t.Errorf("the old page was back after %.2f s, more than 5 s", live.Seconds())
	}
	if added := added(jobs, tm.jobs(t)); len(added) != 0 {
		t.Errorf("build Jobs added: %v, want none", added)
	}
	newest := tm.newest(t, "staging")
	if newest.Spec.Trigger != v1alpha1.TriggerRollback || newest.Spec.By != "bob" || newest.Spec.Head.Commit != good {
		t.Errorf("the newest release is %+v, want bob's rollback to %.8s", newest.Spec, good)
	}
	for _, phase := range newest.Status.Timings {
		if phase.Phase == v1alpha1.PhaseBuilding || phase.Phase == v1alpha1.PhaseRendering {
			t.Errorf("the rollback went through %s", phase.Phase)
		}
	}
}

// staysAway has the project synced again, then pushes on top of the bad
// commit.
func staysAway(t *testing.T, tm *team, bad string) {
	before := tm.newest(t, "staging")
	for _, delivery := range tm.deliveries(t) {
		if delivery.Spec.After == bad {
			out := tm.must(t, "alice", "deliveries", "replay", "life", delivery.Name)
			if !strings.Contains(out, "Done") {
				t.Errorf("the replayed delivery is not done:\n%s", out)
			}
		}
	}
	time.Sleep(2 * time.Second) // longer than the stage takes to act on a sync
	if now := tm.newest(t, "staging"); now.Name != before.Name {
		t.Errorf("a sync made release %s of %.8s", now.Name, now.Spec.Head.Commit)
	}
	if out := tm.must(t, "bob", "releases", "life", "staging"); !strings.Contains(out, bad[:8]+" has been quarantined since bob") {
		t.Errorf("nobody says that the commit is quarantined:\n%s", out)
	}
	if out, code := tm.as(t, "bob", "deploy", "life", "staging", "--commit", bad[:10]); code != exit.Findings || !strings.Contains(out, "quarantine") {
		t.Errorf("bob brings the quarantined commit back: exit %d\n%s", code, out)
	}
	fixed := tm.push(t, "alice", "main", map[string]string{"web/index.html": "web fixed\n"}, "Three, which is fixed")
	tm.await(t, "staging", fixed, v1alpha1.PhaseSucceeded)
	tm.page(t, "web", "staging", "web fixed")
}

// promotes brings staging's images to production, which only a maintainer may.
func promotes(t *testing.T, tm *team) {
	out, code := tm.as(t, "bob", "promote", "life", "production")
	if code != exit.Findings || !strings.Contains(out, "bob") {
		t.Errorf("bob promotes to a protected stage: exit %d\n%s", code, out)
	}
	jobs := tm.jobs(t)
	tm.must(t, "alice", "promote", "life", "production")
	tm.page(t, "web", "production", "web fixed")
	want, got := digests(tm.newest(t, "staging")), digests(tm.newest(t, "production"))
	if len(want) != 1 || !slices.Equal(want, got) {
		t.Errorf("production runs %v, staging %v", got, want)
	}
	running, err := tm.Kubectl(t.Context(), "-n", tm.stage("production"), "get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
	if err != nil || len(want) == 1 && !strings.HasSuffix(want[0], running) {
		t.Errorf("the Deployment in production has image %q, want that of %v: %v", running, want, err)
	}
	if added := added(jobs, tm.jobs(t)); len(added) != 0 {
		t.Errorf("build Jobs added: %v, want none", added)
	}
}

func digests(rel v1alpha1.Release) []string {
	var all []string
	for _, service := range rel.Status.Services {
		all = append(all, service.Name+" "+service.Image)
	}
	return all
}

// approves holds a developer's push to a protected stage until an owner lets
// it go on.
func approves(t *testing.T, tm *team) {
	commit, err := tm.forge.Head(tm.repo, "refs/heads/main")
	if err != nil {
		t.Fatal(err)
	}
	if err := tm.forge.SetRef(tm.repo, "refs/heads/guarded", commit, "bob"); err != nil {
		t.Fatal(err)
	}
	tm.held(t, "guarded", "bob")
	if out, code := tm.as(t, "bob", "approve", "life", "guarded"); code != exit.Held {
		t.Errorf("bob approves his own push: exit %d\n%s", code, out)
	}
	out := tm.must(t, "alice", "approve", "life", "guarded", "--reason", "looks good")
	t.Logf("approve:\n%s", out)
	rel := tm.await(t, "guarded", commit, v1alpha1.PhaseSucceeded)
	last := rel.Spec.Verdicts[len(rel.Spec.Verdicts)-1]
	if last.By != "alice" || last.Verdict != v1alpha1.VerdictApprove {
		t.Errorf("the last verdict is %+v, want alice's approval", last)
	}
	if out := tm.must(t, "bob", "releases", "show", "life", "guarded", fmt.Sprint(rel.Spec.Sequence)); !strings.Contains(out, "alice") || !strings.Contains(out, "looks good") {
		t.Errorf("the release does not name who approved it:\n%s", out)
	}
	tm.page(t, "web", "guarded", "web fixed")
}

// held waits until the release of a person's push is held.
func (tm *team) held(t *testing.T, stage, login string) {
	t.Helper()
	var last v1alpha1.Release
	err := stand.Poll(t.Context(), 30*time.Second, func(context.Context) (bool, error) {
		last = tm.newest(t, stage)
		return last.Status.Phase == v1alpha1.PhaseHeld && last.Spec.Head.Actor == login, nil
	})
	if err != nil {
		t.Fatalf("no push of %s is held in %s; the newest release is %s, pushed by %q", login, stage, last.Status.Phase, last.Spec.Head.Actor)
	}
}

// pauses pushes while staging is paused.
func pauses(t *testing.T, tm *team) {
	if out, code := tm.as(t, "bob", "pause", "life", "staging"); code != exit.Error || !strings.Contains(out, "forbids it") {
		t.Errorf("bob, who may not, pauses: exit %d\n%s", code, out)
	}
	tm.must(t, "alice", "pause", "life", "staging", "--reason", "the sale begins")
	before := tm.newest(t, "staging")
	commit := tm.push(t, "bob", "main", map[string]string{"web/index.html": "web after the sale\n"}, "Four")
	tm.synced(t, commit)
	if now := tm.newest(t, "staging"); now.Name != before.Name {
		t.Errorf("a paused stage made release %s", now.Name)
	}
	if out := tm.must(t, "bob", "status", "life"); !strings.Contains(out, "paused by alice") || !strings.Contains(out, "the sale begins") {
		t.Errorf("nobody says that the stage is paused:\n%s", out)
	}
	tm.must(t, "alice", "resume", "life", "staging")
	tm.await(t, "staging", commit, v1alpha1.PhaseSucceeded)
}

// synced waits until a sync has seen a commit, and the stage had time to act.
func (tm *team) synced(t *testing.T, commit string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for ; time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		for _, delivery := range tm.deliveries(t) {
			if delivery.Spec.After == commit && delivery.Status.Phase == v1alpha1.DeliveryDone {
				time.Sleep(2 * time.Second)
				return
			}
		}
	}
	t.Fatalf("no sync has seen commit %.8s", commit)
}

// scales asks for two replicas; a later release leaves them alone.
func scales(t *testing.T, tm *team) {
	tm.must(t, "alice", "scale", "life", "staging", "web", "2")
	tm.replicas(t, "2")
	tm.must(t, "bob", "deploy", "life", "staging")
	tm.replicas(t, "2")
	tm.must(t, "alice", "scale", "life", "staging", "web", "--reset")
	tm.replicas(t, "1")
}

func (tm *team) replicas(t *testing.T, want string) {
	t.Helper()
	got, err := tm.Kubectl(t.Context(), "-n", tm.stage("staging"), "get", "deployment", "web", "-o", "jsonpath={.spec.replicas} {.status.readyReplicas}")
	if err != nil || got != want+" "+want {
		t.Errorf("replicas wanted and ready: %q, want %s of each: %v", got, want, err)
	}
}

// restarts expects another pod with the same image.
func restarts(t *testing.T, tm *team) {
	before := tm.pod(t)
	tm.must(t, "bob", "restart", "life", "staging", "web")
	after := tm.pod(t)
	if before.Name == after.Name || before.Spec.Containers[0].Image != after.Spec.Containers[0].Image {
		t.Errorf("before the restart pod %s ran %s, after it %s runs %s", before.Name, before.Spec.Containers[0].Image, after.Name, after.Spec.Containers[0].Image)
	}
	if newest := tm.newest(t, "staging"); newest.Spec.Trigger != v1alpha1.TriggerRestart || newest.Status.Phase != v1alpha1.PhaseSucceeded {
		t.Errorf("the newest release is a %s, %s: %s", newest.Spec.Trigger, newest.Status.Phase, newest.Status.Message)
	}
}

// pod returns the only pod of web in staging that is there to stay.
func (tm *team) pod(t *testing.T) corev1.Pod {
	t.Helper()
	out, err := tm.Kubectl(t.Context(), "-n", tm.stage("staging"), "get", "pods", "-l", naming.LabelService+"=web", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var list corev1.PodList
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	staying := slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	if len(staying) != 1 {
		t.Fatalf("%d pods of web stay, want one", len(staying))
	}
	return staying[0]
}

// admit gives a person one of the chart's roles in the organization.
func (tm *team) admit(t *testing.T, login, role string) {
	t.Helper()
	binding := "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: " + login + ", namespace: " + tm.namespace() + "}\n" +
		"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: " + role + "}\n" +
		"subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: " + login + "}]\n"
	if err := tm.Apply(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
}

// as runs the command line as a person and returns what it printed and its
// exit code.
func (tm *team) as(t *testing.T, login string, args ...string) (string, int) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(tm.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range config.AuthInfos {
		user.Impersonate = login
	}
	for _, c := range config.Contexts {
		c.Namespace = tm.namespace()
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		t.Fatal(err)
	}
	out, err := tm.CLI(t.Context(), append(args, "--kubeconfig", path)...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out + err.Error(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out, 0
}

// must runs the command line as a person who succeeds.
func (tm *team) must(t *testing.T, login string, args ...string) string {
	t.Helper()
	out, code := tm.as(t, login, args...)
	if code != exit.Fine {
		tm.explain(t)
		t.Fatalf("%s runs slipway %s: exit %d\n%s", login, strings.Join(args, " "), code, out)
	}
	return out
}

// newest returns a stage's newest release that counts.
func (tm *team) newest(t *testing.T, stage string) v1alpha1.Release {
	t.Helper()
	out, err := tm.Kubectl(t.Context(), "-n", tm.namespace(), "get", "releases", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var list v1alpha1.ReleaseList
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	var newest v1alpha1.Release
	for _, r := range list.Items {
		isRefused := meta.IsStatusConditionFalse(r.Status.Conditions, v1alpha1.ConditionAccepted)
		if r.Spec.Stage == naming.StageObject(tm.name, stage) && r.Spec.Sequence > newest.Spec.Sequence && !isRefused {
			newest = r
		}
	}
	return newest
}

// deliveries returns the team's deliveries.
func (tm *team) deliveries(t *testing.T) []v1alpha1.Delivery {
	t.Helper()
	out, err := tm.Kubectl(t.Context(), "-n", tm.namespace(), "get", "deliveries", "-l", naming.LabelProject+"="+tm.name, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var list v1alpha1.DeliveryList
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}
