//go:build integration

package controller_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// hold puts an object with a finalizer into a stage's namespace, as somebody else. It
// returns what takes the finalizer off.
func (p *team) hold(stage string) (free func()) {
	p.t.Helper()
	held := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: p.stageNamespace(stage), Name: "held", Finalizers: []string{"example.com/hold"}}}
	if err := env.Client.Create(p.t.Context(), held); err != nil {
		p.t.Fatal(err)
	}
	return func() {
		p.t.Helper()
		patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
		if err := env.Client.Patch(p.t.Context(), held, patch); err != nil {
			p.t.Fatal(err)
		}
	}
}

// notLive waits until a stage says why nothing of it is live.
func (p *team) notLive(stage, reason string, words ...string) {
	p.t.Helper()
	p.eventually("stage "+stage+" is not live", func() error {
		found, err := p.stage(stage)
		if err != nil {
			return err
		}
		ready := meta.FindStatusCondition(found.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Status != metav1.ConditionFalse || ready.Reason != reason || found.Status.Phase != v1alpha1.PhaseFailed {
			return fmt.Errorf("phase %s, %+v", found.Status.Phase, ready)
		}
		for _, word := range words {
			if !strings.Contains(ready.Message, word) {
				return fmt.Errorf("it does not say %q: %s", word, ready.Message)
			}
		}
		return nil
	})
}

// A branch comes back while the namespace of its deleted stage is kept by somebody's
// finalizer: the stage, the commit and the delivery say so, and once the namespace is
// gone the stage is made again.
func TestNamespaceThatDoesNotGo(t *testing.T) {
	files := siteFiles("  - {name: dev, branch: main}\n  - {name: feature, branch: \"feature/*\"}\n", "hello")
	p := join(t, "ns-held", files, nil)
	commit := p.push("feature/x", "dev", map[string]string{"README.md": "x"})
	stage := naming.StageForRef("feature", "refs/heads/feature/x")
	p.reaches(stage, commit, v1alpha1.PhaseSucceeded)
	free := p.hold(stage)
	p.setRef("feature/x", "", "dev")
	p.notLive(stage, v1alpha1.ReasonEnding, "configmaps", "example.com/hold", "kubectl -n "+p.stageNamespace(stage)+" get configmaps")

	p.setRef("feature/x", commit, "dev")
	p.eventually("the commit's status says why", func() error {
		if state, message := p.status(commit, stage); state != "pending" || !strings.Contains(message, "being taken down") {
			return fmt.Errorf("%s: %s", state, message)
		}
		return nil
	})
	before, err := p.stage(stage)
	if err != nil {
		t.Fatal(err)
	}
	free()
	p.eventually("the stage is made again", func() error {
		now, err := p.stage(stage)
		if err != nil || now.UID == before.UID || now.Status.Phase != v1alpha1.PhaseSucceeded {
			return fmt.Errorf("phase %s: %w", now.Status.Phase, err)
		}
		return nil
	})
}

// A namespace that somebody deletes under a stage makes it not ready; a release brings
// it back.
func TestNamespaceThatSomebodyDeletes(t *testing.T) {
	p := join(t, "ns-lost", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	free := p.hold("dev")
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.stageNamespace("dev")}}
	if err := env.Client.Delete(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	p.notLive("dev", "NamespaceLost", "example.com/hold", "slipway deploy shop dev")
	free()
	p.notLive("dev", "NamespaceLost", "was deleted")
	p.reaches("dev", p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("again")}), v1alpha1.PhaseSucceeded)
	p.eventually("the stage is ready", func() error {
		found, err := p.stage("dev")
		if err != nil || !meta.IsStatusConditionTrue(found.Status.Conditions, v1alpha1.ConditionReady) {
			return fmt.Errorf("%+v, %w", found.Status.Conditions, err)
		}
		return nil
	})
}

// A namespace that somebody made is not a stage's, whatever it carries, until the
// platform team says so.
func TestNamespaceOfSomebodyElse(t *testing.T) {
	theirs := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: naming.Namespace("ns-theirs", "shop", "dev"), Labels: map[string]string{
		naming.LabelManagedBy: naming.ManagedBy, naming.LabelOrganization: "ns-theirs", naming.LabelProject: "shop", naming.LabelStage: "dev",
	}, Annotations: map[string]string{naming.AnnotationOwner: "copied"}}}
	if err := env.Client.Create(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	p := join(t, "ns-theirs", siteFiles(devStage, "hello"), nil)
	refused := p.reaches("dev", p.head("main"), v1alpha1.PhaseFailed)
	if !strings.Contains(refused.Status.Message, "was not made by this Slipway") || !strings.Contains(refused.Status.Message, string(theirs.UID)) {
		t.Errorf("the release says %s", refused.Status.Message)
	}
	if text, _ := p.greeting("dev"); text != "" {
		t.Errorf("%q was applied there", text)
	}
	cluster := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: "here"}}
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"adoptNamespaces":[%q]}}`, theirs.UID))
	if err := env.Client.Patch(t.Context(), cluster, patch); err != nil {
		t.Fatal(err)
	}
	p.reaches("dev", p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("adopted")}), v1alpha1.PhaseSucceeded)
}

// One service is refused; the other goes live, and the release says both.
func TestOneServiceIsRefused(t *testing.T) {
	api := func(more string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: {name: api" + more + "\n  ports: [{port: 80}]\n  selector: {app: api}\n"
	}
	files := siteFiles(devStage, "hello")
	files["slipway.yaml"] = projectFile(devStage, site+"  api: {kustomize: api}\n")
	files["api/kustomization.yaml"], files["api/service.yaml"] = "resources: [service.yaml]\n", api("}\nspec:")
	p := join(t, "partial", files, nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	commit := p.push("main", "dev", map[string]string{"deploy/settings.yaml": settings("new"), "api/service.yaml": api("}\nspec:\n  clusterIP: None")})
	half := p.reaches("dev", commit, v1alpha1.PhaseFailed)
	for _, words := range []string{"service api is left as it was: Service api", `slipway.dev/replace: "true"`, "Service site is released"} {
		if !strings.Contains(half.Status.Message, words) {
			t.Errorf("the release does not say %q: %s", words, half.Status.Message)
		}
	}
	if text, _ := p.greeting("dev"); text != "new" || half.Status.Cause != "ImmutableField" {
		t.Errorf("the other service says %q; cause %s", text, half.Status.Cause)
	}
	for _, service := range half.Status.Services {
		if (service.Refused != "") != (service.Name == "api") {
			t.Errorf("service %s: refused %q", service.Name, service.Refused)
		}
	}
	p.eventually("the commit's status", func() error {
		if state, message := p.status(commit, "dev"); state != "failure" || !strings.HasPrefix(message, "failed: service api is left as it was") {
			return fmt.Errorf("%s: %s", state, message)
		}
		return nil
	})
	p.reaches("dev", p.push("main", "dev", map[string]string{"api/service.yaml": api(", annotations: {slipway.dev/replace: \"true\"}}\nspec:\n  clusterIP: None")}), v1alpha1.PhaseSucceeded)
}
