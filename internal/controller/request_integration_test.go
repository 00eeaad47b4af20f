//go:build integration

package controller_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// decide adds a person's verdict to a release.
func (p *team) decide(name, by, what, reason string) {
	p.t.Helper()
	p.eventually(by+" decides", func() error {
		var release v1alpha1.Release
		if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: name}, &release); err != nil {
			return err
		}
		after := release.DeepCopy()
		given := verdict(by, what)
		given.Reason = reason
		after.Spec.Verdicts = append(after.Spec.Verdicts, given)
		return p.as(by).Patch(p.t.Context(), after, client.MergeFromWithOptions(&release, client.MergeFromWithOptimisticLock{}))
	})
}

// setSpec changes a stage's spec as a person.
func (p *team) setSpec(stage, by string, change func(*v1alpha1.StageSpec)) {
	p.t.Helper()
	before, err := p.stage(stage)
	if err != nil {
		p.t.Fatal(err)
	}
	after := before.DeepCopy()
	change(&after.Spec)
	if err := p.as(by).Patch(p.t.Context(), after, client.MergeFrom(before)); err != nil {
		p.t.Fatal(err)
	}
}

func TestRequestThatIsDeniedChangesNothing(t *testing.T) {
	p := join(t, "denied", siteFiles("  - {name: production, branch: main, protected: true}\n", "good"), nil)
	p.reaches("production", p.head("main"), v1alpha1.PhaseHeld) // nobody knows who pushed it
	first := p.push("main", "boss", map[string]string{"deploy/settings.yaml": settings("new")})
	good := p.reaches("production", first, v1alpha1.PhaseSucceeded)
	commit := p.push("main", "boss", map[string]string{"deploy/settings.yaml": settings("better")})
	p.reaches("production", commit, v1alpha1.PhaseSucceeded)
	tests := map[string]struct {
		by      string
		trigger v1alpha1.Trigger
		cause   string
		want    string
	}{
		"a developer rolls back":   {"dev", v1alpha1.TriggerRollback, "Denied", "dev may not roll back stage production, which is protected (slipway.yaml:8:"},
		"a stranger rolls back":    {"eve", v1alpha1.TriggerRollback, "Denied", "eve may not roll back stage production: no member of project shop"},
		"a developer scales":       {"dev", v1alpha1.TriggerScale, "Denied", "dev may not scale stage production"},
		"a restart of an old one":  {"dev", v1alpha1.TriggerRestart, "Conflict", "is not the last good release"},
		"a promotion of the own":   {"boss", v1alpha1.TriggerPromotion, "Invalid", "is of stage production itself"},
		"an account of a workload": {"system:serviceaccount:default:boss", v1alpha1.TriggerRollback, "Denied", "no member"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p.t = t
			release := p.becomes(p.request("production", tt.by, tt.trigger, &good, nil).Name, v1alpha1.PhaseFailed)
			if release.Status.Cause != tt.cause || !strings.Contains(release.Status.Message, tt.want) {
				t.Errorf("%s: %s; want %s: %s", release.Status.Cause, release.Status.Message, tt.cause, tt.want)
			}
		})
	}
	p.t = t
	p.says("production", "better")
	stage, err := p.stage("production")
	if err != nil || stage.Status.Quarantine != nil || stage.Status.Commit != commit || !meta.IsStatusConditionTrue(stage.Status.Conditions, v1alpha1.ConditionReady) {
		t.Errorf("what nobody may do changed the stage: %+v %v", stage.Status, err)
	}
	if state, message := p.status(commit, "production"); state != "success" {
		t.Errorf("the commit's status says %q: %s", state, message)
	}
	next := p.push("main", "boss", map[string]string{"deploy/settings.yaml": settings("best")})
	p.reaches("production", next, v1alpha1.PhaseSucceeded)
}

func TestApprovalLetsAHeldReleaseGo(t *testing.T) {
	p, held := heldTeam(t, "approve")
	p.decide(held.Name, "dev", "approve", "")
	p.eventually("the verdict was weighed", func() error {
		release := p.becomes(held.Name, v1alpha1.PhaseHeld)
		if len(release.Spec.Verdicts) != 1 || release.Status.ObservedGeneration != release.Generation {
			return fmt.Errorf("generation %d, weighed %d", release.Generation, release.Status.ObservedGeneration)
		}
		return nil
	})
	began := time.Now()
	p.decide(held.Name, "boss", "approve", "tested it")
	release := p.becomes(held.Name, v1alpha1.PhaseSucceeded)
	if took := time.Since(began); took > heldPatience {
		t.Errorf("the approval was noticed after %s: by the timer", took)
	}
	if !strings.HasSuffix(release.Status.Message, "; approved by boss") || !meta.IsStatusConditionTrue(release.Status.Conditions, v1alpha1.ConditionApproved) {
		t.Errorf("%s %+v", release.Status.Message, release.Status.Conditions)
	}
	p.says("production", "wanted")
}

// heldPatience is less than the time after which a held release is looked at
// without a reason.
const heldPatience = 20 * time.Second

func TestRejectionEndsAHeldRelease(t *testing.T) {
	p, held := heldTeam(t, "reject")
	p.decide(held.Name, "boss", "reject", "not on a Friday")
	release := p.becomes(held.Name, v1alpha1.PhaseFailed)
	if release.Status.Cause != "Rejected" || !strings.HasPrefix(release.Status.Message, "rejected by boss: not on a Friday") {
		t.Errorf("%s: %s", release.Status.Cause, release.Status.Message)
	}
	if got, _ := p.greeting("production"); got == "wanted" {
		t.Error("a rejected release was applied")
	}
}

func TestApprovalsAreByOthers(t *testing.T) {
	stages := "  - {name: production, branch: main, requires: {approvals: 1}}\n"
	p := join(t, "four-eyes", siteFiles(stages, "hello"), nil)
	p.reaches("production", p.head("main"), v1alpha1.PhaseHeld)
	commit := p.push("main", "boss", map[string]string{"deploy/settings.yaml": settings("seen")})
	held := p.reaches("production", commit, v1alpha1.PhaseHeld)
	p.decide(held.Name, "boss", "approve", "")
	p.eventually("the own approval doesn't count", func() error {
		release := p.becomes(held.Name, v1alpha1.PhaseHeld)
		if release.Status.ObservedGeneration != release.Generation || !strings.Contains(release.Status.Message, "has 0 of 1 approvals by others than boss") {
			return fmt.Errorf("%s", release.Status.Message)
		}
		return nil
	})
	p.decide(held.Name, "owner", "approve", "")
	p.becomes(held.Name, v1alpha1.PhaseSucceeded)
}

func TestPauseStopsPushesUntilItIsTakenBack(t *testing.T) {
	p := join(t, "pause", siteFiles(devStage, "first"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	p.setSpec("dev", "boss", func(s *v1alpha1.StageSpec) { s.Pause = &v1alpha1.Pause{By: "boss", Reason: "audit", At: metav1.Now()} })
	p.automatic("dev", "Paused", "paused by boss: audit", "slipway resume shop dev")
	p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("second")})
	third := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("third")})
	p.eventually("the stage wants the newest", func() error {
		if stage, err := p.stage("dev"); err != nil || stage.Spec.Wanted.Commit != third {
			return fmt.Errorf("%+v %w", stage.Spec.Wanted, err)
		}
		return nil
	})
	refused := p.becomes(p.request("dev", "owner", v1alpha1.TriggerDeploy, nil, nil).Name, v1alpha1.PhaseFailed)
	if refused.Status.Cause != "Paused" || !strings.Contains(refused.Status.Message, "stage dev is paused by boss: audit; `slipway resume shop dev` first") {
		t.Errorf("%s: %s", refused.Status.Cause, refused.Status.Message)
	}
	p.says("dev", "first")
	p.setSpec("dev", "boss", func(s *v1alpha1.StageSpec) { s.Pause = nil })
	p.eventually("the newest is released, and nothing in between", func() error {
		releases := p.releases("dev")
		if last := releases[len(releases)-1]; len(releases) != 3 || last.Spec.Head.Commit != third || last.Status.Phase != v1alpha1.PhaseSucceeded {
			return fmt.Errorf("%d releases, the last of %s is %s", len(releases), last.Spec.Head.Commit, last.Status.Phase)
		}
		return nil
	})
	p.says("dev", "third")
	p.automatic("dev", "Pushes")
}

func TestFailedReleaseReturnsByItself(t *testing.T) {
	stages := "  - {name: dev, branch: main, rollback: auto}\n"
	p := join(t, "return", siteFiles(stages, "good"), nil)
	good := p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	image, err := env.Image(t.Context(), "acme/late", "1")
	if err != nil {
		t.Fatal(err)
	}
	late := "  late: {image: \"" + image + "\", port: 8080, deadline: 2s}\n" // no node: it never runs
	bad := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("bad"), "slipway.yaml": projectFile(stages, site+late)})
	failed := p.reaches("dev", bad, v1alpha1.PhaseFailed)
	if !strings.Contains(failed.Status.Message, "; the stage is rolled back to release "+good.Name) {
		t.Fatalf("%s: %s", failed.Status.Cause, failed.Status.Message)
	}
	p.eventually("the return", func() error {
		releases := p.releases("dev")
		if last := releases[len(releases)-1]; last.Spec.Trigger != v1alpha1.TriggerAutoRollback || last.Status.Phase != v1alpha1.PhaseSucceeded || last.Spec.From != good.Name {
			return fmt.Errorf("the newest release is %s %s", last.Spec.Trigger, last.Status.Phase)
		}
		return nil
	})
	p.says("dev", "good")
	err = env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.stageNamespace("dev"), Name: "late"}, &appsv1.Deployment{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("what the bad commit brought is still there: %v", err)
	}
	p.automatic("dev", "Quarantined", bad[:8], "failed")
	restart(t)
	p.automatic("dev", "Quarantined")
	fixed := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("fixed"), "slipway.yaml": projectFile(stages, site)})
	p.reaches("dev", fixed, v1alpha1.PhaseSucceeded)
	p.says("dev", "fixed")
	if got := len(p.releases("dev")); got != 4 {
		t.Errorf("%d releases, want 4", got)
	}
}

func TestPromotionTakesTheVeryDigests(t *testing.T) {
	image, err := env.Image(t.Context(), "acme/promoted", "1")
	if err != nil {
		t.Fatal(err)
	}
	stages := "  - {name: staging, branch: main}\n  - {name: production, branch: main, protected: true, promoteFrom: staging, overlay: deploy/production}\n"
	p := join(t, "promote", map[string]string{
		"slipway.yaml":                         projectFile(stages, "  web: {image: \""+image+"\", port: 8080}\n"),
		"deploy/production/kustomization.yaml": "patches:\n  - target: {kind: Deployment, name: web}\n    patch: |\n      - {op: add, path: /metadata/annotations, value: {tier: production}}\n",
	}, nil)
	p.kubelet(p.stageNamespace("staging"))
	p.kubelet(p.stageNamespace("production"))
	staged := p.reaches("staging", p.head("main"), v1alpha1.PhaseSucceeded)
	if _, err := env.Image(t.Context(), "acme/promoted", "1"); err != nil { // the tag moves on
		t.Fatal(err)
	}
	p.automatic("production", "Promotion", "takes only releases of stage staging")
	refused := p.becomes(p.request("production", "boss", v1alpha1.TriggerDeploy, nil, nil).Name, v1alpha1.PhaseFailed)
	if !strings.Contains(refused.Status.Message, "stage production takes only releases of stage staging (slipway.yaml:") {
		t.Errorf("%s", refused.Status.Message)
	}
	promoted := p.becomes(p.request("production", "boss", v1alpha1.TriggerPromotion, &staged, nil).Name, v1alpha1.PhaseSucceeded)
	if got, want := promoted.Status.Services[0].Image, staged.Status.Services[0].Image; got != want || !strings.Contains(got, "@sha256:") {
		t.Errorf("production runs %s, staging %s", got, want)
	}
	var web appsv1.Deployment
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.stageNamespace("production"), Name: "web"}, &web); err != nil {
		t.Fatal(err)
	}
	if got := web.Spec.Template.Spec.Containers[0].Image; got != staged.Status.Services[0].Image || web.Annotations["tier"] != "production" {
		t.Errorf("the Deployment runs %s with annotations %v", got, web.Annotations)
	}
}

func TestRestartAndScale(t *testing.T) {
	image, err := env.Image(t.Context(), "acme/scaled", "1")
	if err != nil {
		t.Fatal(err)
	}
	const overlayFile = "overlays/dev/kustomization.yaml"
	files := map[string]string{
		"slipway.yaml": projectFile("  - {name: dev, branch: main, overlay: overlays/dev}\n", "  web: {image: \""+image+"\", port: 8080}\n  queue: {image: \""+image+"\", port: 8080, scale: {min: 1, max: 4}}\n"),
		overlayFile:    overlay("dev"),
	}
	p := join(t, "scale", files, nil)
	p.kubelet(p.stageNamespace("dev"))
	good := p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	deployment := func(name string) *appsv1.Deployment {
		var found appsv1.Deployment
		if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.stageNamespace("dev"), Name: name}, &found); err != nil {
			t.Fatal(err)
		}
		return &found
	}
	mark := func(name string) string { return deployment(name).Spec.Template.Annotations["slipway.dev/restart"] }

	restarted := p.becomes(p.request("dev", "dev", v1alpha1.TriggerRestart, &good, func(r *v1alpha1.Release) { r.Spec.Services = []string{"web"} }).Name, v1alpha1.PhaseSucceeded)
	if mark("web") != restarted.Name || mark("queue") != "" {
		t.Errorf("the marks are %q and %q, want %q and none", mark("web"), mark("queue"), restarted.Name)
	}

	p.setSpec("dev", "boss", func(s *v1alpha1.StageSpec) { s.Scale = map[string]int32{"web": 3, "queue": 2} })
	scaled := p.becomes(p.request("dev", "boss", v1alpha1.TriggerScale, &restarted, nil).Name, v1alpha1.PhaseSucceeded)
	if !strings.Contains(scaled.Status.Message, "queue=2 web=3") || *deployment("web").Spec.Replicas != 3 {
		t.Errorf("%d replicas: %s", *deployment("web").Spec.Replicas, scaled.Status.Message)
	}
	commit := p.push("main", "dev", map[string]string{overlayFile: "# a comment\n" + overlay("dev")})
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	if *deployment("web").Spec.Replicas != 3 || mark("web") != restarted.Name {
		t.Errorf("a later push left %d replicas and the mark %q", *deployment("web").Spec.Replicas, mark("web"))
	}
	var last v1alpha1.Release
	for _, release := range p.releases("dev") {
		last = release
	}
	if last.Status.Changes != (v1alpha1.Changes{Unchanged: last.Status.Changes.Unchanged}) {
		t.Errorf("a push that changes nothing changed %+v", last.Status.Changes)
	}
	p.setSpec("dev", "boss", func(s *v1alpha1.StageSpec) { s.Scale = map[string]int32{"web": -1} })
	p.becomes(p.request("dev", "boss", v1alpha1.TriggerScale, &last, nil).Name, v1alpha1.PhaseSucceeded)
	if *deployment("web").Spec.Replicas != 1 {
		t.Errorf("%d replicas after they were taken back", *deployment("web").Spec.Replicas)
	}
}
