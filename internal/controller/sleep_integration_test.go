//go:build integration

package controller_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/entrance"
	"github.com/slipway-dev/slipway/internal/naming"
)

// routed are files whose service is scheduled, and has a route of a host.
func routed(host string) map[string]string {
	return map[string]string{
		"deploy/kustomization.yaml": "resources: [settings.yaml, service.yaml, ingress.yaml, schedule.yaml]\n",
		"deploy/settings.yaml":      settings("cart"),
		"deploy/ingress.yaml": "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: site}\nspec:\n  rules:\n  - host: " + host +
			"\n    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: site, port: {number: 80}}}}]}\n",
		"deploy/schedule.yaml": "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec:\n  schedule: 0 3 * * *\n  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, " +
			"containers: [{name: main, image: \"busybox@sha256:" + strings.Repeat("a", 64) + "\"}]}}}}\n",
	}
}

// onGate makes a gate's pod of an address, as Kubernetes shows it.
func onGate(t *testing.T, address string) {
	t.Helper()
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: servertest.GateNamespace, Name: "slipway-gate-" + strings.ReplaceAll(address, ".", "-"), Labels: map[string]string{discoveryv1.LabelServiceName: "slipway-gate"}},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}},
	}
	if err := env.Client.Create(t.Context(), slice); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Client.Delete(t.Context(), slice) })
}

// leads waits until the EndpointSlice of a preview's route has addresses.
func (p *team) leads(stage, addresses string) {
	p.t.Helper()
	p.eventually("the route leads to "+addresses, func() error {
		var slice discoveryv1.EndpointSlice
		if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.stageNamespace(stage), Name: "slipway-gate-site-ipv4"}, &slice); err != nil {
			return err
		}
		var all []string
		for _, endpoint := range slice.Endpoints {
			all = append(all, endpoint.Addresses...)
		}
		if got := strings.Join(all, " "); got != addresses || len(slice.Ports) != 1 || *slice.Ports[0].Port != entrance.FirstPort {
			return fmt.Errorf("it leads to %q, ports %+v", got, slice.Ports)
		}
		return nil
	})
}

// entrance waits until the gate is told a state of a stage, and returns what it is told.
func (p *team) entrance(stage string, state entrance.State) entrance.Entrance {
	p.t.Helper()
	var told entrance.Entrance
	p.eventually("the gate is told that it is "+string(state), func() error {
		var from corev1.ConfigMap
		err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: servertest.GateNamespace, Name: p.Namespace + "." + naming.StageObject(p.Name, stage)}, &from)
		if err != nil {
			return err
		}
		if told, err = entrance.Read(&from); err == nil && told.State != state {
			err = fmt.Errorf("it is told %+v", told)
		}
		return err
	})
	return told
}

// suspended reports whether the stage's schedule is.
func (p *team) suspended(stage string) bool {
	p.t.Helper()
	var schedule batchv1.CronJob
	if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.stageNamespace(stage), Name: "nightly"}, &schedule); err != nil {
		p.t.Fatal(err)
	}
	return schedule.Spec.Suspend != nil && *schedule.Spec.Suspend
}

// A preview is behind the gate; it sleeps when somebody asks, wakes for a visit and for a
// push, and nothing of it stays at the gate when it ends.
func TestPreviewSleeps(t *testing.T) {
	files := siteFiles("", "hello")
	files["slipway.yaml"] = strings.Replace(previewed(site), "{from: production}", "{from: production, sleepAfter: 8h}", 1)
	p := join(t, "sleepy", files, nil)
	p.everything()
	p.domain("sleepy.example")
	onGate(t, "10.1.2.3")

	p.push("feature/cart", "dev", map[string]string{"deploy/settings.yaml": settings("no cart")})
	number := p.open("feature/cart", "dev")
	stage := fmt.Sprintf("pr-%d", number)
	host := naming.Host("site", stage, p.Name, "sleepy.example")
	commit := p.push("feature/cart", "dev", routed(host))
	first := p.reaches(stage, commit, v1alpha1.PhaseSucceeded)

	p.routedToGate(stage)
	p.leads(stage, "10.1.2.3")
	onGate(t, "10.1.2.4")
	p.leads(stage, "10.1.2.3 10.1.2.4")
	told := p.entrance(stage, entrance.Awake)
	if len(told.Hosts) != 1 || told.Hosts[0] != host || told.Backends[entrance.FirstPort] != "site."+p.stageNamespace(stage)+".svc:80" {
		t.Errorf("the gate is told %+v", told)
	}

	asleep := p.becomes(p.request(stage, "dev", v1alpha1.TriggerSleep, &first, nil).Name, v1alpha1.PhaseSucceeded)
	if !p.suspended(stage) {
		t.Error("its schedule goes on")
	}
	told = p.entrance(stage, entrance.Asleep)
	p.eventually("the stage says so", func() error {
		object, err := p.stage(stage)
		if err == nil && (object.Status.Asleep == nil || object.Status.Asleep.By != "dev" || object.Status.Commit != commit) {
			err = fmt.Errorf("asleep %+v, commit %s", object.Status.Asleep, object.Status.Commit)
		}
		return err
	})
	p.commented(number, "asleep since")
	p.rests() // nobody comes, so nothing happens

	p.visits(stage, entrance.Visit{At: time.Now().Add(-time.Hour), Wakes: told.Sleep}) // by a slow clock
	p.entrance(stage, entrance.Awake)
	newest := p.releases(stage)
	if last := newest[len(newest)-1]; last.Spec.Trigger != v1alpha1.TriggerAutoWake || last.Spec.From != asleep.Name || p.suspended(stage) {
		t.Errorf("woke by %+v", last.Spec)
	}

	p.becomes(p.request(stage, "dev", v1alpha1.TriggerSleep, &newest[len(newest)-1], nil).Name, v1alpha1.PhaseSucceeded)
	p.entrance(stage, entrance.Asleep)
	pushed := p.push("feature/cart", "dev", map[string]string{"deploy/settings.yaml": settings("basket")})
	p.reaches(stage, pushed, v1alpha1.PhaseSucceeded)
	if p.entrance(stage, entrance.Awake); p.suspended(stage) {
		t.Error("a push left its schedule asleep")
	}

	if err := env.Forge.EditPull(p.Path, number, "closed", "", "dev"); err != nil {
		t.Fatal(err)
	}
	p.flush()
	p.ended(stage)
	p.forgottenByGate(stage)
}

// routedToGate wants the route of a preview lead to the gate, and its own Service to its
// pods.
func (p *team) routedToGate(stage string) {
	p.t.Helper()
	var ingress networkingv1.Ingress
	if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.stageNamespace(stage), Name: "site"}, &ingress); err != nil {
		p.t.Fatal(err)
	}
	if to := ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name; to != "slipway-gate-site" {
		p.t.Errorf("the route leads to %s", to)
	}
	for name, selects := range map[string]bool{"site": true, "slipway-gate-site": false} {
		var service corev1.Service
		if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.stageNamespace(stage), Name: name}, &service); err != nil || (len(service.Spec.Selector) > 0) != selects {
			p.t.Errorf("Service %s selects %v: %v", name, service.Spec.Selector, err)
		}
	}
}

// forgottenByGate waits until nothing of a preview is where the gate looks.
func (p *team) forgottenByGate(stage string) {
	p.t.Helper()
	p.eventually("the gate forgets it", func() error {
		var from corev1.ConfigMap
		var lease coordinationv1.Lease
		key := client.ObjectKey{Namespace: servertest.GateNamespace, Name: p.Namespace + "." + naming.StageObject(p.Name, stage)}
		if err := env.Client.Get(p.t.Context(), key, &from); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the ConfigMap: %w", err)
		}
		if err := env.Client.Get(p.t.Context(), key, &lease); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the Lease: %w", err)
		}
		return nil
	})
}

// visits writes a visit as the gate does.
func (p *team) visits(stage string, visit entrance.Visit) {
	p.t.Helper()
	patch, err := json.Marshal(visit.Patch())
	if err != nil {
		p.t.Fatal(err)
	}
	lease := entrance.NewLease(servertest.GateNamespace, p.Namespace+"."+naming.StageObject(p.Name, stage))
	if err := env.Client.Patch(p.t.Context(), lease, client.RawPatch(types.MergePatchType, patch)); err != nil {
		p.t.Fatal(err)
	}
}

// domain gives the project's cluster a domain.
func (p *team) domain(name string) {
	p.t.Helper()
	var cluster v1alpha1.Cluster
	var project v1alpha1.Project
	if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, &project); err != nil {
		p.t.Fatal(err)
	}
	if err := env.Client.Get(p.t.Context(), client.ObjectKey{Namespace: p.Namespace, Name: project.Spec.Cluster}, &cluster); err != nil {
		p.t.Fatal(err)
	}
	cluster.Spec.Ingress.Domain = name
	if err := env.Client.Update(p.t.Context(), &cluster); err != nil {
		p.t.Fatal(err)
	}
}

// What is not to sleep does not, whoever asks.
func TestOrdinaryStagesDoNotSleep(t *testing.T) {
	p := join(t, "sleepless", siteFiles(devStage, "hello"), nil)
	first := p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	refused := p.becomes(p.request("dev", "boss", v1alpha1.TriggerSleep, &first, nil).Name, v1alpha1.PhaseFailed)
	if !strings.Contains(refused.Status.Message, "stage dev is not to sleep") {
		t.Errorf("refused with %q", refused.Status.Message)
	}
	err := p.as("boss").Create(t.Context(), p.newRequest("dev", "boss", v1alpha1.TriggerAutoSleep, &first))
	if err == nil || !strings.Contains(err.Error(), "only Slipway makes releases with this trigger") {
		t.Errorf("a person made an auto-sleep: %v", err)
	}
	person := p.as("boss")
	object, err := p.stage("dev")
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*v1alpha1.StageSpec){
		func(s *v1alpha1.StageSpec) { s.Gated = true },
		func(s *v1alpha1.StageSpec) { s.Sleep = &v1alpha1.Sleep{Hours: "00:00-23:00 UTC"} },
	} {
		after := object.DeepCopy()
		change(&after.Spec)
		if err := person.Patch(t.Context(), after, client.MergeFrom(object)); err == nil || !strings.Contains(err.Error(), "are for people") {
			t.Errorf("a person changed %+v: %v", after.Spec, err)
		}
	}
}
