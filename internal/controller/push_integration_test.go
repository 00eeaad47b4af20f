//go:build integration

package controller_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

func TestPushGoesLive(t *testing.T) {
	p := join(t, "live", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)

	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("changed")})
	release := p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	if got, _ := p.greeting("dev"); got != "changed" {
		t.Errorf("the settings say %q, want changed", got)
	}
	if release.Spec.Sequence != 2 || release.Spec.Head.Actor != "dev" || release.Spec.Head.Subject != "change main" {
		t.Errorf("the release is %+v", release.Spec)
	}
	if release.Status.Changes != (v1alpha1.Changes{Changed: 1, Unchanged: 1}) {
		t.Errorf("changes %+v, want one changed and one not", release.Status.Changes)
	}
	p.eventually("the delivery is served", func() error {
		for _, d := range p.deliveries() {
			if d.Name == release.Spec.Head.Delivery && d.Status.Phase == v1alpha1.DeliveryDone && d.Spec.After == commit {
				return nil
			}
		}
		return fmt.Errorf("deliveries %+v", p.deliveries())
	})
	p.eventually("the stage shows it", func() error {
		stage, err := p.stage("dev")
		if err != nil || stage.Status.Commit != commit || !meta.IsStatusConditionTrue(stage.Status.Conditions, v1alpha1.ConditionReady) {
			return fmt.Errorf("status %+v: %w", stage.Status, err)
		}
		return nil
	})
	p.eventually("the commit's status", func() error {
		if state, message := p.status(commit, "dev"); state != "success" || !strings.Contains(message, "1 changed") {
			return fmt.Errorf("%q: %s", state, message)
		}
		return nil
	})
}

func TestDuplicateDeliveryIsFree(t *testing.T) {
	p := join(t, "twice", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("once")})
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	before := len(p.deliveries())
	sent := env.Forge.Deliveries()
	last := sent[len(sent)-1]
	for range 3 {
		if err := env.Forge.Redeliver(last.ID); err != nil {
			t.Fatal(err)
		}
	}
	if err := env.Forge.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent = env.Forge.Deliveries()
	for _, d := range sent[len(sent)-3:] {
		if d.ID != last.ID || d.Status/100 != 2 {
			t.Errorf("redelivery %s was answered %d %s", d.ID, d.Status, d.Answer)
		}
	}
	if after := len(p.deliveries()); after != before {
		t.Errorf("%d deliveries, want %d as before", after, before)
	}
	if releases := p.releases("dev"); len(releases) != 2 {
		t.Errorf("%d releases, want 2", len(releases))
	}
}

func TestCommentWritesNothingToTheStage(t *testing.T) {
	p := join(t, "readme", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	_, before := p.greeting("dev")
	p.rests()
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": "# better\n" + settings("hello")})
	release := p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	if release.Status.Changes != (v1alpha1.Changes{Unchanged: 2}) {
		t.Errorf("changes %+v, want two unchanged", release.Status.Changes)
	}
	if _, after := p.greeting("dev"); after != before {
		t.Errorf("the settings went from version %s to %s", before, after)
	}
	in := "/namespaces/" + p.stageNamespace("dev") + "/"
	for _, call := range env.Traffic.Take() {
		if call.Verb != "GET" && call.Verb != "WATCH" && strings.Contains(call.Path, in) {
			t.Errorf("the stage was written to: %s", call)
		}
	}
}

func TestNewestCommitSupersedes(t *testing.T) {
	image, err := env.Image(t.Context(), "acme/web", "1")
	if err != nil {
		t.Fatal(err)
	}
	web := "  web: {image: \"" + image + "\", port: 8080}\n"
	p := join(t, "newest", map[string]string{"slipway.yaml": projectFile(devStage, web)}, nil)
	first := p.head("main")
	p.reaches("dev", first, v1alpha1.PhaseVerifying) // no node: its pod never runs
	with := func(level string) map[string]string {
		return map[string]string{"slipway.yaml": projectFile(devStage, strings.Replace(web, "port: 8080", "port: 8080, env: {LEVEL: "+level+"}", 1))}
	}
	second := p.push("main", "dev", with("one"))
	third := p.push("main", "dev", with("two"))
	p.reaches("dev", first, v1alpha1.PhaseSuperseded)
	p.eventually("the commit in between is overtaken", func() error {
		for _, r := range p.releases("dev") {
			if r.Spec.Head.Commit == second && r.Status.Phase != v1alpha1.PhaseSuperseded {
				return fmt.Errorf("its release is %q", r.Status.Phase)
			}
		}
		return nil
	})
	p.kubelet(p.stageNamespace("dev"))
	release := p.reaches("dev", third, v1alpha1.PhaseSucceeded)
	if len(release.Status.Services) != 1 || !strings.Contains(release.Status.Services[0].Image, "@sha256:") {
		t.Errorf("services %+v, want web with its digest", release.Status.Services)
	}
}

func TestInvalidFileIsAConditionOfTheProject(t *testing.T) {
	p := join(t, "invalid", siteFiles(devStage, "hello"), nil)
	good := p.head("main")
	p.reaches("dev", good, v1alpha1.PhaseSucceeded)
	broken := strings.Replace(projectFile(devStage, site), "branch: main", "branhc: main", 1)
	p.push("main", "dev", map[string]string{"slipway.yaml": broken})
	p.eventually("the project's condition", func() error {
		var project v1alpha1.Project
		if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &project); err != nil {
			return err
		}
		synced := meta.FindStatusCondition(project.Status.Conditions, v1alpha1.ConditionSynced)
		if synced == nil || synced.Status != metav1.ConditionFalse || synced.Reason != "ProjectFileInvalid" || !strings.HasPrefix(synced.Message, "slipway.yaml:8:") {
			return fmt.Errorf("condition %+v", synced)
		}
		return nil
	})
	if releases := p.releases("dev"); len(releases) != 1 || releases[0].Spec.Head.Commit != good {
		t.Errorf("an invalid file led to releases %+v", releases)
	}
	fixed := p.push("main", "dev", map[string]string{"slipway.yaml": projectFile(devStage, site)})
	p.hasHead("dev", fixed, good)
}

func TestDeletedBranchTakesItsStageAlong(t *testing.T) {
	stages := devStage + "  - {name: feature, branch: \"feature/*\"}\n  - {name: kept, branch: release}\n"
	p := join(t, "branches", siteFiles(stages, "hello"), nil)
	kept := p.push("release", "dev", map[string]string{"README.md": "kept"})
	p.reaches("kept", kept, v1alpha1.PhaseSucceeded)
	commit := p.push("feature/login", "dev", map[string]string{"deploy/settings.yaml": settings("login")})
	login := naming.StageForRef("feature", "refs/heads/feature/login")
	p.reaches(login, commit, v1alpha1.PhaseSucceeded)
	namespace := p.stageNamespace(login)
	for _, ref := range []string{"refs/heads/feature/login", "refs/heads/release"} {
		if err := env.Forge.SetRef(p.Path, ref, "", "dev"); err != nil {
			t.Fatal(err)
		}
	}
	p.eventually("the stage goes", func() error {
		if _, err := p.stage(login); !apierrors.IsNotFound(err) {
			return fmt.Errorf("stage: %w", err)
		}
		err := env.Client.Get(t.Context(), client.ObjectKey{Name: namespace}, &corev1.Namespace{})
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("namespace %s: %w", namespace, err)
		}
		return nil
	})
	if _, err := p.stage("kept"); err != nil {
		t.Errorf("the stage of an exact branch went with it: %v", err)
	}
	if got, _ := p.greeting("kept"); got != "hello" {
		t.Errorf("what runs in the kept stage says %q", got)
	}
}

func TestDevelopersPushToAProtectedStageIsHeld(t *testing.T) {
	stages := "  - {name: production, branch: main, protected: true}\n"
	p := join(t, "protected", siteFiles(stages, "hello"), nil)
	p.reaches("production", p.head("main"), v1alpha1.PhaseHeld) // or its sync might find the next commit before anybody says whose it is
	held := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("held")})
	release := p.reaches("production", held, v1alpha1.PhaseHeld)
	if !strings.Contains(release.Status.Message, "dev") {
		t.Errorf("the reason does not name who pushed: %s", release.Status.Message)
	}
	p.eventually("the commit waits", func() error {
		if state, message := p.status(held, "production"); state != "pending" || !strings.HasPrefix(message, "held: ") {
			return fmt.Errorf("%q: %s", state, message)
		}
		return nil
	})
	if got, _ := p.greeting("production"); got == "held" {
		t.Error("a held release was applied")
	}
	commit := p.push("main", "boss", map[string]string{"deploy/settings.yaml": settings("approved")})
	p.reaches("production", commit, v1alpha1.PhaseSucceeded)
	p.reaches("production", held, v1alpha1.PhaseSuperseded)
}

func TestTimerFindsALostPush(t *testing.T) {
	p := join(t, "lost", siteFiles(devStage, "hello"), func(project *v1alpha1.Project) {
		project.Spec.SyncInterval = &metav1.Duration{Duration: time.Second}
	})
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	env.Forge.Intercept(func(forgetest.Delivery) []forgetest.Delivery { return nil })
	defer env.Forge.Intercept(nil)
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("found")})
	release := p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	if release.Spec.Head.Actor != "" || len(p.deliveries()) != 0 {
		t.Errorf("somebody is named: actor %q, %d deliveries", release.Spec.Head.Actor, len(p.deliveries()))
	}
	if got, _ := p.greeting("dev"); got != "found" {
		t.Errorf("the settings say %q, want found", got)
	}
}

// TestStopAnywhereFinishesOnce stops the server a little later after each
// push, so that it stops before, in and after every phase.
func TestStopAnywhereFinishesOnce(t *testing.T) {
	p := join(t, "stopped", siteFiles(devStage, "0"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	for i := range 8 {
		greeting := fmt.Sprint(i + 1)
		commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings(greeting)})
		time.Sleep(time.Duration(i*15) * time.Millisecond)
		began := time.Now()
		restart(t)
		t.Logf("stopped after %d ms; the restart took %s", i*15, time.Since(began))
		release := p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
		checkTimings(t, release)
		if got, _ := p.greeting("dev"); got != greeting {
			t.Errorf("stopped after %d ms: the settings say %q", i*15, got)
		}
		if changes := release.Status.Changes; changes.Created != 0 || changes.Pruned != 0 || changes.Changed > 1 {
			t.Errorf("stopped after %d ms: changes %+v", i*15, changes)
		}
	}
}

// TestStopWhileVerifying stops the server while a release waits for its pods.
func TestStopWhileVerifying(t *testing.T) {
	image, err := env.Image(t.Context(), "acme/slow", "1")
	if err != nil {
		t.Fatal(err)
	}
	web := "  web: {image: \"" + image + "\", port: 8080}\n"
	p := join(t, "verifying", map[string]string{"slipway.yaml": projectFile(devStage, web)}, nil)
	commit := p.head("main")
	p.reaches("dev", commit, v1alpha1.PhaseVerifying)
	restart(t)
	p.kubelet(p.stageNamespace("dev"))
	checkTimings(t, p.reaches("dev", commit, v1alpha1.PhaseSucceeded))
}

func restart(t *testing.T) {
	t.Helper()
	server, err := env.Server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := env.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// checkTimings wants every phase entered in order.
func checkTimings(t *testing.T, release v1alpha1.Release) {
	t.Helper()
	var last time.Time
	for _, timing := range release.Status.Timings {
		if timing.At.Time.Before(last) {
			t.Errorf("%s: %s began before the phase in front of it: %+v", release.Name, timing.Phase, release.Status.Timings)
		}
		last = timing.At.Time
	}
	if n := len(release.Status.Timings); n == 0 || release.Status.Timings[n-1].Phase != v1alpha1.PhaseSucceeded {
		t.Errorf("%s: timings %+v do not end with success", release.Name, release.Status.Timings)
	}
}
