package diff

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// liveObject reads YAML as an answer of the server is read.
func liveObject(t *testing.T, text string) map[string]any {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	object := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestCompareFields(t *testing.T) {
	container := "spec: {template: {spec: {containers: [{name: main, image: a, resources: {limits: {cpu: 1000m}}, env: [{name: A, value: x}]}]}}}"
	tests := map[string]struct {
		wanted, live string
		scaled       bool
		want         []Field
	}{
		"the same": {wanted: container, live: "spec: {template: {spec: {containers: [{name: main, image: a, resources: {limits: {cpu: '1'}}, env: [{name: A, value: x}], imagePullPolicy: Always}, {name: sidecar, image: s}]}}}"},
		"an image": {
			wanted: container,
			live: `metadata: {managedFields: [{manager: mallory, operation: Update, fieldsV1: {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"main"}': {"f:image": {}}}}}}}}]}
spec: {template: {spec: {containers: [{name: main, image: b, resources: {limits: {cpu: '1'}}, env: [{name: A, value: x}]}]}}}`,
			want: []Field{{Path: "spec.template.spec.containers[main].image", Want: `"a"`, Have: `"b"`, Manager: "mallory"}},
		},
		"a container is gone": {
			wanted: "spec: {template: {spec: {containers: [{name: main}]}}}", live: "spec: {template: {spec: {containers: [{name: other}]}}}",
			want: []Field{{Path: "spec.template.spec.containers[main]", Want: `{"name":"main"}`}},
		},
		"a quantity": {
			wanted: container, live: "spec: {template: {spec: {containers: [{name: main, image: a, resources: {limits: {cpu: '2'}}, env: [{name: A, value: x}]}]}}}",
			want: []Field{{Path: "spec.template.spec.containers[main].resources.limits.cpu", Want: `"1000m"`, Have: `"2"`}},
		},
		"replicas of an autoscaler": {wanted: "spec: {replicas: 1}", live: "spec: {replicas: 4}", scaled: true},
		"replicas":                  {wanted: "spec: {replicas: 1}", live: "spec: {replicas: 4}", want: []Field{{Path: "spec.replicas", Want: "1", Have: "4"}}},
		"a label with dots": {
			wanted: "metadata: {labels: {app.example/x: a}}", live: "metadata: {labels: {app.example/x: b, other: c}}",
			want: []Field{{Path: "metadata.labels[app.example/x]", Want: `"a"`, Have: `"b"`}},
		},
		"a field that was taken out of the manifest": {
			wanted: "spec: {a: x}",
			live:   "metadata: {managedFields: [{manager: slipway, operation: Apply, fieldsV1: {'f:spec': {'f:a': {}, 'f:b': {}}}}]}\nspec: {a: x, b: left, c: theirs}",
			want:   []Field{{Path: "spec.b", Have: `"left"`, Manager: "slipway"}},
		},
		"a list item that was taken out": {
			wanted: "spec: {template: {spec: {containers: [{name: main}]}}}",
			live:   `{metadata: {managedFields: [{manager: slipway, operation: Apply, fieldsV1: {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"old"}': {".": {}, "f:name": {}}}}}}}}]}, spec: {template: {spec: {containers: [{name: main}, {name: old}]}}}}`,
			want:   []Field{{Path: "spec.template.spec.containers[old]", Have: `{"name":"old"}`, Manager: "slipway"}},
		},
		"a port that was taken out": {
			wanted: "spec: {ports: [{port: 80}]}",
			live:   `{metadata: {managedFields: [{manager: slipway, operation: Apply, fieldsV1: {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}, 'k:{"port":8080,"protocol":"TCP"}': {".": {}, "f:port": {}}}}}}]}, spec: {ports: [{port: 80, protocol: TCP}, {port: 8080, protocol: TCP}]}}`,
			want:   []Field{{Path: "spec.ports[8080]", Have: `{"port":8080,"protocol":"TCP"}`, Manager: "slipway"}},
		},
		"a value that was taken out of a list of values": {
			wanted: "spec: {a: x}",
			live:   `{metadata: {finalizers: [a], managedFields: [{manager: slipway, operation: Apply, fieldsV1: {"f:metadata": {"f:finalizers": {'v:"a"': {}}}}}]}, spec: {a: x}}`,
			want:   []Field{{Path: "metadata.finalizers", Have: `["a"]`, Manager: "slipway"}},
		},
		"the manager of the field itself": {
			wanted: "metadata: {labels: {a: x}}",
			live:   `{metadata: {labels: {a: z}, managedFields: [{manager: map, operation: Update, fieldsV1: {"f:metadata": {"f:labels": {".": {}}}}}, {manager: key, operation: Update, fieldsV1: {"f:metadata": {"f:labels": {".": {}, "f:a": {}}}}}]}}`,
			want:   []Field{{Path: "metadata.labels.a", Want: `"x"`, Have: `"z"`, Manager: "key"}},
		},
		"the manager of the whole": {
			wanted: "spec: {selector: {a: x}}",
			live:   `{metadata: {managedFields: [{manager: slipway, operation: Apply, fieldsV1: {"f:spec": {"f:selector": {}}}}, {manager: whole, operation: Update, fieldsV1: {"f:spec": {"f:selector": {}}}}, {manager: broken, operation: Update, fieldsV1: [1]}]}, spec: {selector: {a: z}}}`,
			want:   []Field{{Path: "spec.selector.a", Want: `"x"`, Have: `"z"`, Manager: "whole"}},
		},
		"what says nothing":   {wanted: "spec: {a: '', b: {}, c: [], d: false, e: null}", live: "spec: {}"},
		"a list as a whole":   {wanted: "spec: {args: [a, b]}", live: "spec: {args: [a]}", want: []Field{{Path: "spec.args", Want: `["a","b"]`, Have: `["a"]`}}},
		"an item of a list":   {wanted: "spec: {args: [a, b]}", live: "spec: {args: [a, c]}", want: []Field{{Path: "spec.args[1]", Want: `"b"`, Have: `"c"`}}},
		"a port by its key":   {wanted: "spec: {ports: [{port: 80}]}", live: "spec: {ports: [{port: 81, protocol: TCP, name: theirs}, {port: 80, protocol: TCP, targetPort: 80}]}"},
		"an object is absent": {wanted: "spec: {a: {b: c}}", live: "spec: {}", want: []Field{{Path: "spec.a", Want: `{"b":"c"}`}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := &desired.Document{Ref: inventory.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Name: "web"}, Object: liveObject(t, test.wanted)}
			live := liveObject(t, test.live)
			got := compareFields(d, live, readManagers(live), test.scaled)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDifferencesOfASecretAreHidden(t *testing.T) {
	d := &desired.Document{Ref: inventory.Ref{Version: "v1", Kind: "Secret", Name: "keys"}, Object: liveObject(t, "metadata: {labels: {a: b}}\ndata: {token: aHVudGVyMg==, fresh: eA==}")}
	got := compareFields(d, liveObject(t, "data: {token: aHVudGVyMw==}"), nil, false)
	want := []Field{
		{Path: "data.fresh", Want: hidden},
		{Path: "data.token", Want: hidden, Have: hidden},
		{Path: "metadata", Want: `{"labels":{"a":"b"}}`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
