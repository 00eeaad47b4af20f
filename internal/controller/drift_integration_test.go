//go:build integration

package controller_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

var drifts = flag.Int("drifts", 60, "how many random drifts are made and must be repaired")

// mallory changes an object with a merge patch, as somebody else.
func (p *team) mallory(object client.Object, name, patch string) {
	p.t.Helper()
	object.SetName(name)
	object.SetNamespace(p.stageNamespace("dev"))
	if err := env.Client.Patch(p.t.Context(), object, client.RawPatch(types.MergePatchType, []byte(patch)), client.FieldOwner("mallory")); err != nil {
		p.t.Fatal(err)
	}
}

// comesToSay waits until the settings say a text.
func (p *team) comesToSay(text string) {
	p.t.Helper()
	p.eventually("the settings say "+text, func() error {
		if got, _ := p.greeting("dev"); got != text {
			return fmt.Errorf("they say %q", got)
		}
		return nil
	})
}

// drift waits until the stage's status reports one, and returns it.
func (p *team) drift(object, words string) v1alpha1.Drift {
	p.t.Helper()
	var reported v1alpha1.Drift
	p.eventually("the stage reports "+object, func() error {
		stage, err := p.stage("dev")
		if err != nil {
			return err
		}
		if stage.Status.Drift == nil || stage.Status.Drift.Object != object || !strings.Contains(stage.Status.Drift.Message, words) {
			return fmt.Errorf("it reports %+v", stage.Status.Drift)
		}
		reported = *stage.Status.Drift
		return nil
	})
	return reported
}

func TestDriftIsRepairedAndTold(t *testing.T) {
	p := join(t, "drift", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	p.mallory(&corev1.ConfigMap{}, "settings", `{"data":{"greeting":"bye"}}`)
	p.comesToSay("hello")
	reported := p.drift("ConfigMap/settings", "ConfigMap settings: .data.greeting was changed by mallory and was set back")
	if reported.Manager != "mallory" || reported.Contended || reported.Repairs != 1 {
		t.Errorf("reported %+v", reported)
	}
	p.eventually("an event reports it", func() error {
		var events eventsv1.EventList
		if err := env.Client.List(t.Context(), &events, client.InNamespace(p.Namespace)); err != nil {
			return err
		}
		if !slices.ContainsFunc(events.Items, func(e eventsv1.Event) bool {
			return e.Reason == "DriftRepaired" && e.Regarding.Kind == "Stage" && e.Note == reported.Message
		}) {
			return fmt.Errorf("none of %d does", len(events.Items))
		}
		return nil
	})
	gone := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "site", Namespace: p.stageNamespace("dev")}}
	if err := env.Client.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if reported := p.drift("Service/site", "Service site was deleted and was set back"); reported.Repairs != 2 {
		t.Errorf("reported %+v, want two repairs", reported)
	}
	if err := env.Client.Get(t.Context(), client.ObjectKeyFromObject(gone), gone); err != nil {
		t.Error(err)
	}
	p.mallory(&corev1.ConfigMap{}, "settings", `{"data":{"theirs":"stays"},"metadata":{"labels":{"theirs":"too"}}}`)
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("next")})
	p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
	var after corev1.ConfigMap
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.stageNamespace("dev"), Name: "settings"}, &after); err != nil {
		t.Fatal(err)
	}
	if after.Data["theirs"] != "stays" || after.Labels["theirs"] != "too" || after.Data["greeting"] != "next" {
		t.Errorf("fields of others were touched: %+v", after)
	}
}

// What happens while no server runs is found by the next one; a stage that is
// paused, and one whose last release failed, are repaired too, the latter to
// what was applied last.
func TestDriftIsFoundAfterAStart(t *testing.T) {
	p := join(t, "drift-start", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	stopped(t, func() { p.mallory(&corev1.ConfigMap{}, "settings", `{"data":{"greeting":"bye"}}`) })
	p.comesToSay("hello")

	failing := p.push("main", "dev", map[string]string{
		"deploy/settings.yaml":      settings("later"),
		"deploy/broken.yaml":        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: broken, annotations: {slipway.dev/hook: release}}\nspec:\n  activeDeadlineSeconds: 1\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}\n      containers:\n      - {name: main, image: \"" + p.image() + "\", securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}\n",
		"deploy/kustomization.yaml": "resources: [settings.yaml, service.yaml, broken.yaml]\n",
	})
	p.reaches("dev", failing, v1alpha1.PhaseFailed)
	p.comesToSay("later")
	p.setSpec("dev", "boss", func(s *v1alpha1.StageSpec) { s.Pause = &v1alpha1.Pause{By: "boss", At: metav1.Now()} })
	p.mallory(&corev1.ConfigMap{}, "settings", `{"data":{"greeting":"bye"}}`)
	p.comesToSay("later")
}

// image returns a reference with a digest.
func (p *team) image() string {
	p.t.Helper()
	image, err := env.Image(p.t.Context(), "acme/"+p.Organization, "1")
	if err != nil {
		p.t.Fatal(err)
	}
	return image
}

// stopped does something while no server runs.
func stopped(t *testing.T, do func()) {
	t.Helper()
	server, err := env.Server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	do()
	if _, err := env.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Somebody who changes an object as often as Slipway sets it back is reported,
// and does not make Slipway write for ever.
func TestContentionIsReportedAndLimited(t *testing.T) {
	p := join(t, "fight", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	for range 2 {
		p.mallory(&corev1.ConfigMap{}, "settings", `{"data":{"greeting":"bye"}}`)
		p.comesToSay("hello")
	}
	env.Traffic.Take()
	began := time.Now() // a call of the last repair may end only now
	p.mallory(&corev1.ConfigMap{}, "settings", `{"data":{"greeting":"bye"}}`)
	reported := p.drift("ConfigMap/settings", "changed by mallory again and again; Slipway sets it back at most twice a minute; stop the other one")
	if !reported.Contended || reported.Manager != "mallory" {
		t.Errorf("reported %+v", reported)
	}
	if got, _ := p.greeting("dev"); got != "bye" {
		t.Errorf("it was set back a third time within a minute: %q", got)
	}
	in := "/namespaces/" + p.stageNamespace("dev") + "/"
	for _, call := range env.Traffic.Take() {
		if call.Verb == "PATCH" && strings.Contains(call.Path, in) && call.At.After(began) {
			t.Errorf("the stage was written to: %s", call)
		}
	}
}

// A push that changes one object costs one request in the stage's namespace:
// what did not change is known from the watch.
func TestOneChangeTakesOneRequest(t *testing.T) {
	p := join(t, "one-change", siteFiles(devStage, "0"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	in := "/namespaces/" + p.stageNamespace("dev") + "/"
	pushed := 0
	p.eventually("the watch is complete and one change takes one request", func() error {
		pushed++
		env.Traffic.Take()
		commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings(fmt.Sprint(pushed))})
		p.reaches("dev", commit, v1alpha1.PhaseSucceeded)
		calls := slices.DeleteFunc(env.Traffic.Take(), func(c servertest.Call) bool { return !strings.Contains(c.Path, in) || c.Verb == "WATCH" })
		if spent := servertest.Spent(calls); spent != "PATCH=1" {
			return fmt.Errorf("it took %s: %v", spent, calls)
		}
		return nil
	})
}

// fleet is a service of many small objects: sizes of each kind.
func fleet(image string, size int) map[string]string {
	var all strings.Builder
	for i := range size {
		fmt.Fprintf(&all, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm-%[1]d}\ndata: {key: \"%[1]d\"}\n", i)
		fmt.Fprintf(&all, "---\napiVersion: v1\nkind: Service\nmetadata: {name: svc-%d}\nspec:\n  ports: [{port: 80}]\n  selector: {app: x}\n", i)
		fmt.Fprintf(&all, "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: deploy-%[1]d}\nspec:\n  replicas: 0\n  selector: {matchLabels: {app: deploy-%[1]d}}\n  template:\n    metadata: {labels: {app: deploy-%[1]d}}\n    spec:\n      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}\n      containers: [{name: main, image: \"%[2]s\", securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]\n", i, image)
	}
	all.WriteString("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: scaled}\nspec:\n  selector: {matchLabels: {app: scaled}}\n  template:\n    metadata: {labels: {app: scaled}}\n    spec:\n      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}\n      containers: [{name: main, image: \"" + image + "\", securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]\n")
	all.WriteString("---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: scaled}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: scaled}\n  minReplicas: 1\n  maxReplicas: 5\n")
	return map[string]string{
		"slipway.yaml":              projectFile(devStage, site),
		"deploy/kustomization.yaml": "resources: [all.yaml]\n",
		"deploy/all.yaml":           all.String(),
	}
}

// Random drifts, each on an object of its own so that none is contended, are
// repaired within five seconds each; what the autoscaler sets stays.
func TestRandomDriftsAreRepaired(t *testing.T) {
	const limit = 5 * time.Second
	random := rand.New(rand.NewPCG(4, 6))
	size := (*drifts + 2) / 3
	image, err := env.Image(t.Context(), "acme/fleet", "1")
	if err != nil {
		t.Fatal(err)
	}
	p := join(t, "drifts", fleet(image, size), nil)
	p.kubelet(p.stageNamespace("dev"))
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	attacks := attacksOn(p, size, random)
	var slowest time.Duration
	for i, attack := range attacks {
		attack.do()
		began := time.Now()
		p.eventually(attack.what, attack.repaired)
		took := time.Since(began)
		slowest = max(slowest, took)
		if took > limit {
			t.Errorf("drift %d (%s) was repaired after %s, more than %s", i, attack.what, took, limit)
		}
		if i == len(attacks)/2 {
			p.scale("scaled", 4) // as its autoscaler does
		}
	}
	t.Logf("%d drifts repaired, the slowest within %s", len(attacks), slowest)
	var scaled appsv1.Deployment
	if err := env.Client.Get(t.Context(), client.ObjectKey{Namespace: p.stageNamespace("dev"), Name: "scaled"}, &scaled); err != nil || *scaled.Spec.Replicas != 4 {
		t.Errorf("the autoscaler's replicas were taken: %v %d", err, *scaled.Spec.Replicas)
	}
}

// attack is one thing that somebody does to an object.
type attack struct {
	what     string
	do       func()
	repaired func() error
}

// attacksOn returns one attack on each of a fleet's objects, in random order.
func attacksOn(p *team, size int, random *rand.Rand) []attack {
	var all []attack
	in := p.stageNamespace("dev")
	add := func(what string, object client.Object, name string, do func(), good func() bool) {
		all = append(all, attack{what + " of " + name, do, func() error {
			object.SetResourceVersion("")
			err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: in, Name: name}, object)
			if err == nil && !good() {
				err = fmt.Errorf("%s is not as it was", name)
			}
			return err
		}})
	}
	remove := func(object client.Object, name string) func() {
		return func() {
			object.SetNamespace(in)
			object.SetName(name)
			if err := env.Client.Delete(p.t.Context(), object); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	for i := range size {
		cm, svc, deploy := &corev1.ConfigMap{}, &corev1.Service{}, &appsv1.Deployment{}
		cmName, svcName, deployName := fmt.Sprintf("cm-%d", i), fmt.Sprintf("svc-%d", i), fmt.Sprintf("deploy-%d", i)
		kept := func() bool { return cm.Data["key"] == fmt.Sprint(i) && cm.DeletionTimestamp == nil }
		labelled := func() bool { return svc.Labels["slipway.dev/stage"] == "dev" && svc.Spec.Ports[0].Port == 80 }
		still := func() bool {
			return *deploy.Spec.Replicas == 0 && strings.Contains(deploy.Spec.Template.Spec.Containers[0].Image, "@sha256:")
		}
		switch random.IntN(3) {
		case 0:
			add("an edit", cm, cmName, func() { p.mallory(&corev1.ConfigMap{}, cmName, `{"data":{"key":"x"}}`) }, kept)
			add("a label", svc, svcName, func() { p.mallory(&corev1.Service{}, svcName, `{"metadata":{"labels":{"slipway.dev/stage":null}}}`) }, labelled)
			add("a scaling", deploy, deployName, func() { p.scale(deployName, 3) }, still)
		case 1:
			add("a deletion", cm, cmName, remove(&corev1.ConfigMap{}, cmName), kept)
			add("an edit", svc, svcName, func() { p.mallory(&corev1.Service{}, svcName, `{"spec":{"ports":[{"port":81}]}}`) }, labelled)
			add("an edit", deploy, deployName, func() {
				p.mallory(&appsv1.Deployment{}, deployName, `{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"evil:1"}]}}}}`)
			}, still)
		case 2:
			add("a label", cm, cmName, func() {
				p.mallory(&corev1.ConfigMap{}, cmName, `{"data":null,"metadata":{"labels":{"slipway.dev/stage":"mine"}}}`)
			}, kept)
			add("a deletion", svc, svcName, remove(&corev1.Service{}, svcName), labelled)
			add("a deletion", deploy, deployName, remove(&appsv1.Deployment{}, deployName), still)
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:*drifts]
}

// scale sets a Deployment's replicas through its scale, as people and
// autoscalers do.
func (p *team) scale(name string, replicas int32) {
	p.t.Helper()
	of := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: p.stageNamespace("dev")}}
	scale := &autoscalingv1.Scale{}
	ctx, cancel := context.WithTimeout(p.t.Context(), unavailableTimeout)
	defer cancel()
	if err := env.Client.SubResource("scale").Get(ctx, of, scale); err != nil {
		p.t.Fatal(err)
	}
	scale.Spec.Replicas = replicas
	if err := env.Client.SubResource("scale").Update(ctx, of, client.WithSubResourceBody(scale), client.FieldOwner("mallory")); err != nil {
		p.t.Fatal(err)
	}
}
