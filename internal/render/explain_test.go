package render_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/project"
)

func configMap(name, more string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + more + "}\n"
}

// What Kustomize refuses is said in a sentence with file and line.
func TestKustomizeErrorsAreSentences(t *testing.T) {
	cases := map[string]struct {
		files map[string]string
		says  string
	}{
		"K1 two namespaces in one file": {map[string]string{
			"k/kustomization.yaml": "resources: [s.yaml]\n", "k/s.yaml": configMap("one", ", namespace: a") + "---\n" + configMap("one", ", namespace: b"),
		}, "k/s.yaml:1: ConfigMap one is there for the namespace a and for b (k/s.yaml:5), and a stage is one namespace; rename one of them, or leave it out"},
		"K1 one of them without a namespace": {map[string]string{
			"k/kustomization.yaml": "resources: [s.yaml, t.yaml]\n", "k/s.yaml": configMap("one", ""), "k/t.yaml": configMap("one", ", namespace: b"),
		}, "k/s.yaml:1: ConfigMap one is there for the namespace that none names and for b (k/t.yaml:1), and a stage is one namespace; rename one of them, or leave it out"},
		"two files": {map[string]string{
			"k/kustomization.yaml": "resources: [s.yaml, t.yaml]\n", "k/s.yaml": configMap("two", "") + "---\n" + configMap("one", ""), "k/t.yaml": configMap("one", ""),
		}, "k/s.yaml:5: there is a second ConfigMap one, in k/t.yaml:1; keep one of them, or rename it"},
		"a file twice": {map[string]string{
			"k/kustomization.yaml": "resources: [s.yaml, ./s.yaml]\n", "k/s.yaml": configMap("one", ""),
		}, "k/s.yaml:1: ConfigMap one comes twice, because k/kustomization.yaml lists its file twice; list it once"},
		"a directory in two ways": {map[string]string{
			"k/kustomization.yaml": "resources: [a, b]\n", "k/a/kustomization.yaml": "resources: [../base]\n", "k/b/kustomization.yaml": "resources: [../base]\n",
			"k/base/kustomization.yaml": "resources: [s.yaml]\n", "k/base/s.yaml": configMap("one", ""),
		}, "k/base/s.yaml:1: ConfigMap one comes twice, because its directory is reached in two ways; list the directory once"},
		"a patch of nothing": {map[string]string{
			"k/kustomization.yaml": "resources: [s.yaml]\npatches: [{path: p.yaml}]\n", "k/s.yaml": configMap("one", ""), "k/p.yaml": "# patch\n" + configMap("on", "") + "data: {a: b}\n",
		}, "k/p.yaml:2: this patches ConfigMap on, which is not among the resources: there is one; correct apiVersion, kind and name as they are in the resource"},
		"an old patch of nothing": {map[string]string{
			"k/kustomization.yaml": "resources: [s.yaml]\npatchesStrategicMerge: [p.yaml]\n", "k/s.yaml": configMap("one", ""), "k/p.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
		}, "k/p.yaml:1: this patches Deployment x, which is not among the resources: there is no object of this kind; correct apiVersion, kind and name as they are in the resource"},
		"an inline patch of nothing": {map[string]string{
			"k/kustomization.yaml": "resources: [s.yaml]\npatches: [{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}'}]\n", "k/s.yaml": configMap("one", ""),
		}, "k/kustomization.yaml: this patches ConfigMap x, which is not among the resources: there is one; correct apiVersion, kind and name as they are in the resource"},
		"in a chart": {map[string]string{
			"k/kustomization.yaml": "resources: [s.yaml]\n", "k/s.yaml": configMap("one", ""),
			"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "c/templates/a.yaml": configMap("one", ""), "c/templates/b.yaml": "\n\n" + configMap("one", ""),
		}, "c/templates/a.yaml: there is a second ConfigMap one, in c/templates/b.yaml and k/s.yaml:1; keep one of them, or rename it"},
		"no name": {map[string]string{
			"k/kustomization.yaml": "resources: [s.yaml]\n", "k/s.yaml": configMap("one", "") + "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {a: b}}\n",
		}, "k/s.yaml:5: this ConfigMap has no metadata.name; give it one"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			services := map[string]project.Service{"x": {Kustomize: "k"}}
			if c.files["c/Chart.yaml"] != "" {
				services["c"] = project.Service{Helm: &project.Helm{Chart: "c"}}
			}
			_, err := renderAll(t, repository(c.files), request(services))
			if fault.CodeOf(err) != fault.Invalid || fault.MessageOf(err) != c.says {
				t.Errorf("got  %v\nwant %s", fault.MessageOf(err), c.says)
			}
		})
	}
}

// No message shows Kustomize's chains or whole objects.
func TestKustomizeErrorsAreShort(t *testing.T) {
	var objects strings.Builder
	for range 20 {
		objects.WriteString(configMap("one", ", namespace: a") + "data: {a: " + strings.Repeat("b", 200) + "}\n---\n")
	}
	for name, files := range map[string]map[string]string{
		"many objects": {"k/kustomization.yaml": "resources: [s.yaml]\n", "k/s.yaml": objects.String()},
		"deep": {
			"k/kustomization.yaml": "resources: [a]\n", "k/a/kustomization.yaml": "resources: [b]\n", "k/a/b/kustomization.yaml": "resources: [c]\n",
			"k/a/b/c/kustomization.yaml": "resources: [s.yaml]\nreplacements: [{source: {kind: Secret}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.a]}]}]\n", "k/a/b/c/s.yaml": configMap("one", ""),
		},
		"a generator twice": {"k/kustomization.yaml": "configMapGenerator: [{name: a, behavior: merge, literals: [b=c]}]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := renderAll(t, repository(files), request(map[string]project.Service{"x": {Kustomize: "k"}}))
			message := fault.MessageOf(err)
			if fault.CodeOf(err) != fault.Invalid || len(message) > 400 || strings.Contains(message, "accumulat") || strings.Contains(message, "apiVersion\"") || strings.Contains(message, "\n") {
				t.Errorf("got %q", message)
			}
		})
	}
}

// What Slipway makes itself is left out, whichever source brings it, and said.
func TestProvidedKindsAreLeftOut(t *testing.T) {
	const others = `apiVersion: v1
kind: Namespace
metadata: {name: one, labels: {pod-security.kubernetes.io/enforce: privileged}}
---
apiVersion: v1
kind: Namespace
metadata: {name: two}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: np, namespace: one}
spec: {podSelector: {}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: rq}
spec: {hard: {pods: "1"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: lr}
spec: {limits: []}
---
`
	cases := map[string]struct {
		files    map[string]string
		service  project.Service
		overlays []string
		from     string
	}{
		"kustomize": {files: map[string]string{"k/kustomization.yaml": "resources: [s.yaml]\n", "k/s.yaml": others + configMap("kept", "")}, service: project.Service{Kustomize: "k"}, from: "k/s.yaml:1: Namespace one"},
		"helm": {
			files:   map[string]string{"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "c/templates/s.yaml": others + configMap("kept", "")},
			service: project.Service{Helm: &project.Helm{Chart: "c"}}, from: "c/templates/s.yaml: Namespace one",
		},
		"an overlay": {
			files:    map[string]string{"o/kustomization.yaml": "resources: [s.yaml]\n", "o/s.yaml": others, "k/kustomization.yaml": "resources: [s.yaml]\n", "k/s.yaml": configMap("kept", "")},
			overlays: []string{"o"}, service: project.Service{Kustomize: "k"}, from: "o/s.yaml:1: Namespace one",
		},
		"patched by an overlay": {
			files: map[string]string{
				"o/kustomization.yaml": "patches: [{path: p.yaml}]\n", "o/p.yaml": "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np, namespace: one}\nspec: {policyTypes: [Ingress]}\n",
				"k/kustomization.yaml": "resources: [s.yaml]\n", "k/s.yaml": others + configMap("kept", ""),
			},
			overlays: []string{"o"}, service: project.Service{Kustomize: "k"}, from: "k/s.yaml:1: Namespace one",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			req := request(map[string]project.Service{"x": c.service})
			req.Overlays = overlays(c.overlays...)
			result := mustRender(t, repository(c.files), req)
			if got := strings.Count("\n"+string(result.Manifests), "\nkind: "); got != 1 || !strings.Contains(string(result.Manifests), "name: kept") {
				t.Errorf("%d objects in\n%s", got, result.Manifests)
			}
			if len(result.Warnings) != 5 || !strings.HasPrefix(result.Warnings[0], c.from+" is left out") {
				t.Errorf("warnings are %q, want five, the first about %s", result.Warnings, c.from)
			}
		})
	}
}

// A ServiceAccount says nothing of Secrets, and keeps everything else.
func TestSecretsOfAnAccountAreLeftOut(t *testing.T) {
	const plain = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: plain}\nautomountServiceAccountToken: false\n"
	const accounts = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: db}\nautomountServiceAccountToken: false\nsecrets: [{name: db}]\n" + plain
	result := mustRender(t, repository(map[string]string{"k/kustomization.yaml": "resources: [s.yaml]\n", "k/s.yaml": accounts}), request(map[string]project.Service{"x": {Kustomize: "k"}}))
	if text := string(result.Manifests); strings.Contains(text, "secrets") || strings.Count(text, "automountServiceAccountToken: false") != 2 {
		t.Errorf("got\n%s", text)
	}
	if len(result.Warnings) != 1 || !strings.HasPrefix(result.Warnings[0], "k/s.yaml:1: ServiceAccount db has secrets, which is left out") {
		t.Errorf("warnings are %q", result.Warnings)
	}
}

// The patch that guard shows for a Kubernetes Service works as it is.
func TestServiceTypePatchCanBePasted(t *testing.T) {
	files := map[string]string{
		"k/kustomization.yaml": "resources: [s.yaml]\n",
		"k/s.yaml":             "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer, externalTrafficPolicy: Local, loadBalancerIP: 192.0.2.1, selector: {a: b}, ports: [{port: 80, nodePort: 30080}, {port: 81}]}\n",
	}
	req := request(map[string]project.Service{"x": {Kustomize: "k"}})
	policy := guard.Policy{Namespace: "sw-acme-shop-production"}
	findings, err := guard.Check(mustRender(t, repository(files), req).Manifests, policy)
	if err != nil || len(findings) != 4 || findings[0].Rule != guard.RuleServiceType {
		t.Fatalf("findings are %v: %v", findings, err)
	}
	_, patch, found := strings.Cut(findings[0].Message, "overlay: ")
	if !found {
		t.Fatalf("%q shows no patch", findings[0].Message)
	}
	files["o/kustomization.yaml"] = patch
	req.Overlays = overlays("o")
	if findings, err = guard.Check(mustRender(t, repository(files), req).Manifests, policy); err != nil || len(findings) > 0 {
		t.Errorf("with the patch %s: %v, %v", patch, findings, err)
	}
}

// Two services of a repository may bring the same Namespace.
func TestServicesMayShareANamespace(t *testing.T) {
	const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n"
	files := map[string]string{
		"api/kustomization.yaml": "resources: [s.yaml]\n", "api/s.yaml": namespace + configMap("api", ", namespace: shop"),
		"web/kustomization.yaml": "resources: [s.yaml]\nnamespace: shop\n", "web/s.yaml": namespace + configMap("web", ""),
		"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "c/templates/s.yaml": namespace + configMap("chart", ""),
	}
	result := mustRender(t, repository(files), request(map[string]project.Service{"api": {Kustomize: "api"}, "web": {Kustomize: "web"}, "c": {Helm: &project.Helm{Chart: "c"}}}))
	if n := strings.Count("\n"+string(result.Manifests), "\nkind: ConfigMap"); n != 3 || strings.Contains(string(result.Manifests), "kind: Namespace") {
		t.Errorf("%d objects in\n%s", n, result.Manifests)
	}
	if len(result.Warnings) != 3 {
		t.Errorf("warnings are %q, want one for each", result.Warnings)
	}
}
