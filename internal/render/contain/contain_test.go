package contain_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/render/contain"
)

const (
	context = "securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, NET_BIND_SERVICE, SETGID, SETPCAP, SETUID]}}"
	pod     = "hostUsers: false, securityContext: {seccompProfile: {type: RuntimeDefault}}"
)

// decoded reads an object as Kustomize hands it over.
func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var object map[string]any
	if err := json.Unmarshal(asJSON, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func deployment(spec string) string {
	return "{apiVersion: apps/v1, kind: Deployment, spec: {template: {spec: " + spec + "}}}"
}

func TestComplete(t *testing.T) {
	for name, tt := range map[string]struct{ object, want string }{
		"nothing said": {
			deployment("{initContainers: [{name: a}], containers: [{name: b}, {name: c}]}"),
			deployment("{initContainers: [{name: a, " + context + "}], containers: [{name: b, " + context + "}, {name: c, " + context + "}], " + pod + "}"),
		},
		"all said otherwise": {
			deployment("{hostUsers: true, securityContext: {seccompProfile: {type: Unconfined}}, containers: [{name: a, securityContext: {allowPrivilegeEscalation: true, capabilities: {drop: [KILL], add: [SYS_ADMIN]}}}]}"),
			deployment("{hostUsers: true, securityContext: {seccompProfile: {type: Unconfined}}, containers: [{name: a, securityContext: {allowPrivilegeEscalation: true, capabilities: {drop: [KILL], add: [SYS_ADMIN]}}}]}"),
		},
		"other things said": {
			deployment("{securityContext: {runAsUser: 0, fsGroup: 5}, containers: [{name: a, securityContext: {runAsUser: 7, readOnlyRootFilesystem: true}}]}"),
			deployment("{hostUsers: false, securityContext: {runAsUser: 0, fsGroup: 5, seccompProfile: {type: RuntimeDefault}}, containers: [{name: a, securityContext: {runAsUser: 7, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL], add: [CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, NET_BIND_SERVICE, SETGID, SETPCAP, SETUID]}}}]}"),
		},
		"a capability added": {
			deployment("{" + pod + ", containers: [{securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [CHOWN]}}}]}"),
			deployment("{" + pod + ", containers: [{securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [CHOWN], drop: [AUDIT_WRITE, MKNOD, NET_RAW, SETFCAP, SYS_CHROOT]}}}]}"),
		},
		"a capability dropped": {
			deployment("{" + pod + ", containers: [{securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [NET_RAW]}}}]}"),
			deployment("{" + pod + ", containers: [{securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [NET_RAW]}}}]}"),
		},
		"null and nothing": {
			deployment("{hostUsers: null, securityContext: null, containers: [{securityContext: {allowPrivilegeEscalation: null, capabilities: {add: [], drop: []}}}, {securityContext: {capabilities: {}}}, {securityContext: {capabilities: null}}, {securityContext: {}}]}"),
			deployment("{" + pod + ", containers: [{" + context + "}, {" + context + "}, {" + context + "}, {" + context + "}]}"),
		},
		"a cron job": {
			"{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: a}]}}}}}}",
			"{apiVersion: batch/v1, kind: CronJob, spec: {jobTemplate: {spec: {template: {spec: {" + pod + ", containers: [{name: a, " + context + "}]}}}}}}",
		},
		"a job": {
			"{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: [{name: a}]}}}}",
			"{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {" + pod + ", containers: [{name: a, " + context + "}]}}}}",
		},
		"another kind of that name": {
			"{apiVersion: batch.acme.example/v1, kind: Job, spec: {template: {spec: {containers: [{name: a}]}}}}",
			"{apiVersion: batch.acme.example/v1, kind: Job, spec: {template: {spec: {containers: [{name: a}]}}}}",
		},
		"a config map":       {"{apiVersion: v1, kind: ConfigMap, data: {spec: a}}", "{apiVersion: v1, kind: ConfigMap, data: {spec: a}}"},
		"no template":        {"{apiVersion: apps/v1, kind: Deployment, spec: {template: 5}}", "{apiVersion: apps/v1, kind: Deployment, spec: {template: 5}}"},
		"malformed contexts": {deployment("{hostUsers: false, securityContext: 5, containers: [7, null, {securityContext: [a]}]}"), deployment("{hostUsers: false, securityContext: 5, containers: [7, null, {securityContext: [a]}]}")},
		"malformed capabilities": {
			deployment("{" + pod + ", containers: [{securityContext: {allowPrivilegeEscalation: false, capabilities: ALL}}, {securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ALL}}}]}"),
			deployment("{" + pod + ", containers: [{securityContext: {allowPrivilegeEscalation: false, capabilities: ALL}}, {securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: ALL}}}]}"),
		},
		"containers as a map": {deployment("{" + pod + ", containers: {a: b}}"), deployment("{" + pod + ", containers: {a: b}}")},
	} {
		t.Run(name, func(t *testing.T) {
			object := decoded(t, tt.object)
			contain.Policy{ServiceTokens: true}.Complete(object)
			if diff := cmp.Diff(decoded(t, tt.want), object); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if again := (contain.Policy{ServiceTokens: true}).Missing(object); len(again) > 0 {
				t.Errorf("still missing: %v", again)
			}
		})
	}
}

func TestPointer(t *testing.T) {
	want := map[string]bool{
		"/spec/template/spec/hostUsers":                                     true,
		"/spec/template/spec/securityContext":                               true,
		"/spec/template/spec/containers/0/securityContext":                  true,
		"/spec/template/spec/initContainers/0/securityContext/capabilities": true,
	}
	got := map[string]bool{}
	for _, addition := range (contain.Policy{ServiceTokens: true}).Missing(decoded(t, deployment("{initContainers: [{securityContext: {allowPrivilegeEscalation: false}}], containers: [{}]}"))) {
		got[addition.Pointer()] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// At every level, pods hold no token that they don't ask for.
func TestTokens(t *testing.T) {
	const automount = "automountServiceAccountToken"
	for name, tt := range map[string]struct {
		policy contain.Policy
		spec   string
		want   any
	}{
		"contained":        {contain.Policy{}, "{containers: []}", false},
		"restricted":       {contain.Policy{PodSecurity: "restricted"}, "{containers: []}", false},
		"baseline":         {contain.Policy{PodSecurity: "baseline"}, "{containers: []}", false},
		"a pod that asks":  {contain.Policy{}, "{automountServiceAccountToken: true}", true},
		"where it is left": {contain.Policy{ServiceTokens: true}, "{containers: []}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			object := decoded(t, deployment(tt.spec))
			tt.policy.Complete(object)
			spec := object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
			if spec[automount] != tt.want {
				t.Errorf("it is %v, want %v", spec[automount], tt.want)
			}
			if _, contained := spec["hostUsers"]; contained != tt.policy.PodSecurity.Contained() {
				t.Errorf("in a user namespace: %v", contained)
			}
		})
	}
}
