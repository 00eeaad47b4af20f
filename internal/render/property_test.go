package render_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/project"
)

// part is a template of one object, %s being its name, as people write it.
type part struct {
	text string
	// gone says that the object as a whole is left out, and lost which field is.
	gone bool
	lost string
}

func parts() []part {
	return []part{
		{text: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: elsewhere, labels: {a: b}, annotations: {c: 'd'}}\ndata: {k: \"1\", l: 'yes'}\n"},
		{text: "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec: {type: LoadBalancer, selector: {app: x}, ports: [{port: 80, targetPort: http}]}\n"},
		{text: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s}\nspec: {replicas: 0, selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {hostUsers: true, containers: [{name: a, image: a, ports: [{containerPort: 8080}], securityContext: {privileged: true, capabilities: {drop: [KILL]}}}]}}}\n"},
		{text: "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: %s}\nspec: {schedule: '0 1 * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, automountServiceAccountToken: true, initContainers: [{name: i, image: i}], containers: [{name: a, image: a}]}}}}}\n"},
		{text: "apiVersion: v1\nkind: Secret\nmetadata: {name: %s, annotations: {slipway.dev/ref: x}}\ntype: Opaque\nstringData: {a: b}\n"},
		{text: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s}\nautomountServiceAccountToken: true\nsecrets: [{name: a}]\n", lost: "secrets"},
		{text: "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s}\nimagePullSecrets: [{name: a}]\n"},
		{text: "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: %s}\nspec: {podSelector: {}}\n", gone: true},
		{text: "apiVersion: v1\nkind: LimitRange\nmetadata: {name: %s}\nspec: {limits: []}\n", gone: true},
		{text: "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: %s}\nspec: {hard: {pods: '1'}}\n", gone: true},
		{text: "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {pod-security.kubernetes.io/enforce: privileged}}\n", gone: true},
		{text: "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: %s}\nrules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]\n"},
		{text: "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: %s, finalizers: [a]}\nspec: {count: 1, part: 1.5, e: [], m: {}, nested: [{a: [1, 2]}]}\n"},
	}
}

// Nothing that Kustomize directories and charts say is changed or left out without
// a warning that names it. What Slipway adds is where nothing was.
func TestNothingChangesWithoutAWarning(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		chosen := rapid.SliceOfN(rapid.SampledFrom(parts()), 1, 8).Draw(r, "objects")
		asChart := rapid.Bool().Draw(r, "chart")
		var text strings.Builder
		for i, p := range chosen {
			text.WriteString("---\n" + fmt.Sprintf(p.text, fmt.Sprintf("n%d", i)))
		}
		files := map[string]string{"k/kustomization.yaml": "resources: [s.yaml]\n", "k/s.yaml": text.String()}
		service := project.Service{Kustomize: "k"}
		if asChart {
			files = map[string]string{"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "c/templates/s.yaml": text.String()}
			service = project.Service{Helm: &project.Helm{Chart: "c"}}
		}
		files["k/kustomization.yaml"] += rapid.SampledFrom([]string{"", "commonAnnotations: {e: f}\n"}).Draw(r, "more")
		result, err := renderAll(t, repository(files), request(map[string]project.Service{"x": service}))
		if err != nil {
			r.Fatal(err)
		}
		checkWarned(r, chosen, objectsOf(r, text.String()), objectsOf(r, string(result.Manifests)), result.Warnings)
	})
}

// checkWarned compares what was written with what was rendered.
func checkWarned(t *rapid.T, chosen []part, written, rendered map[string]map[string]any, warnings []string) {
	said := strings.Join(warnings, "\n")
	for i, p := range chosen {
		name := fmt.Sprintf("n%d", i)
		object, made := written[name], rendered[name]
		label := fmt.Sprintf("%v %s", object["kind"], name)
		if warned := strings.Contains(said, label+" "); warned != (p.gone || p.lost != "") {
			t.Errorf("%s: warned is %v in\n%s", label, warned, said)
		}
		if (made == nil) != p.gone {
			t.Errorf("%s is rendered as %v", label, made)
		}
		if made == nil {
			continue
		}
		if p.lost != "" {
			if _, there := made[p.lost]; there || !strings.Contains(said, p.lost) {
				t.Errorf("%s still has %s", label, p.lost)
			}
			delete(object, p.lost)
		}
		delete(object["metadata"].(map[string]any), "namespace") // the stage's, as documented
		checkKept(t, label, object, made)
	}
	if len(rendered) > len(chosen) {
		t.Errorf("there are objects that nobody wrote: %v", slices.Sorted(maps.Keys(rendered)))
	}
}

// checkKept compares key by key: everything that was written is there.
func checkKept(t *rapid.T, at string, written, rendered any) {
	switch written := written.(type) {
	case map[string]any:
		fields, _ := rendered.(map[string]any)
		for key, value := range written {
			checkKept(t, at+"."+key, value, fields[key])
		}
	case []any:
		elements, _ := rendered.([]any)
		if len(elements) != len(written) {
			t.Errorf("%s has %d elements, not %d", at, len(elements), len(written))
			return
		}
		for i, value := range written {
			checkKept(t, fmt.Sprintf("%s[%d]", at, i), value, elements[i])
		}
	default:
		if !reflect.DeepEqual(written, rendered) {
			t.Errorf("%s is %v, and was %v", at, rendered, written)
		}
	}
}

// objectsOf reads objects by their names.
func objectsOf(t *rapid.T, text string) map[string]map[string]any {
	objects := map[string]map[string]any{}
	for _, document := range strings.Split("\n"+text, "\n---\n") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Fatal(err)
		}
		if metadata, is := object["metadata"].(map[string]any); is {
			objects[fmt.Sprint(metadata["name"])] = object
		}
	}
	return objects
}
