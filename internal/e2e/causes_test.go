//go:build e2e

package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the sentences that releases fail with")

// failing is one way for a release to fail.
type failing struct {
	// service is the service that fails, as slipway.yaml has it.
	service string
	// stage are further settings of the stage.
	stage string
	// files are what lies beside slipway.yaml.
	files map[string]string
	// policy makes the cluster refuse the stage's Deployments.
	policy bool
	// then is pushed once the first has succeeded, and fails.
	then map[string]string
}

// TestCauses makes releases fail in every way that people meet, and compares
// what the release and the commit say of it.
func TestCauses(t *testing.T) {
	for name, f := range failures(shared.Registry()) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tm := newTeam(t, "bad-"+name)
			if f.policy {
				tm.refuse(t)
			}
			files := map[string]string{"slipway.yaml": tm.causeFile(f)}
			for path, text := range f.files {
				files[path] = text
			}
			commit := tm.push(t, "alice", "main", files, "Fail")
			if f.then != nil {
				tm.await(t, "dev", commit, v1alpha1.PhaseSucceeded)
				commit = tm.push(t, "alice", "main", f.then, "Fail now")
			}
			tm.fails(t, commit, name)
		})
	}
}

func failures(registry string) map[string]failing {
	return map[string]failing{
		"image-tag":       {service: `{image: "` + registry + `/library/busybox:no-such-tag", command: [sleep, "1000"]}`},
		"image-digest":    {service: `{image: "` + registry + `/library/busybox@sha256:` + strings.Repeat("0", 64) + `", command: [sleep, "1000"]}`},
		"crash":           {service: `{image: "busybox:1.36", command: [sh, -c, "echo the flux capacitor is missing; exit 3"], health: {command: [cat, /tmp/up]}}`},
		"crash-unchecked": {service: `{image: "busybox:1.36", command: [sh, -c, "echo nobody asks how I am; exit 4"]}`},
		"memory":          {service: `{image: "busybox:1.36", command: [sh, -c, "tail /dev/zero"], health: {command: [cat, /tmp/up]}, resources: {cpu: 50m, memory: 16Mi}}`},
		"quota": {
			service: `{image: "busybox:1.36", command: [sleep, "1000"], scale: {min: 2}, resources: {cpu: 50m, memory: 64Mi}}`,
			stage:   `, resources: {cpu: "1", memory: 96Mi}`,
		},
		"unschedulable": {service: `{image: "busybox:1.36", command: [sleep, "1000"], resources: {cpu: "500", memory: 16Mi}, deadline: 15s}`},
		"probe":         {service: `{image: "busybox:1.36", command: [httpd, -f, -p, "8080", -h, /tmp], port: 8080, health: {path: /no/such/page}, deadline: 25s}`},
		"admission":     {service: `{image: "busybox:1.36", command: [sleep, "1000"]}`, policy: true},
		"immutable": {
			service: `{kustomize: deploy}`,
			files:   map[string]string{"deploy/kustomization.yaml": "resources: [set.yaml]\n", "deploy/set.yaml": statefulSet("one")},
			then:    map[string]string{"deploy/set.yaml": statefulSet("two")},
		},
		"secret": {service: `{image: "busybox:1.36", command: [sleep, "1000"], secrets: [stripe], deadline: 40s}`},
		"removed-version": {
			service: `{kustomize: deploy}`,
			files: map[string]string{
				"deploy/kustomization.yaml": "resources: [budget.yaml]\n",
				"deploy/budget.yaml":        "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}\n",
			},
		},
	}
}

// statefulSet is one without pods, whose pods' host names come from a
// Kubernetes Service that can't be changed.
func statefulSet(service string) string {
	return `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: ` + service + `
  replicas: 0
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: db
        image: busybox:1.36
        command: [sleep, "1000"]
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
`
}

// causeFile is a project file with one stage and one service.
func (tm *team) causeFile(f failing) string {
	return "version: 1\nproject: " + tm.name + "\nmembers: [{user: alice, role: owner}]\n" +
		"stages:\n  - {name: dev, branch: main" + f.stage + "}\n" +
		"services:\n  web: " + f.service + "\n"
}

// refuse has the cluster refuse Deployments in the stage's namespace, and in
// another, where that can be tried before the stage is made.
func (tm *team) refuse(t *testing.T) {
	t.Helper()
	name := "e2e-refuse-" + tm.name
	policy := `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: ` + name + `}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
  validations:
  - {expression: "false", message: "the moon is not in the right phase"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: ` + name + `}
spec:
  policyName: ` + name + `
  validationActions: [Deny]
  matchResources:
    namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [default, ` + tm.stage("dev") + `]}]}
`
	if err := tm.Apply(t.Context(), policy); err != nil {
		t.Fatal(err)
	}
	// It takes a moment until the API server heeds a policy.
	for give := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		_, err := tm.Kubectl(t.Context(), "-n", "default", "create", "deployment", "probe", "--image=probe", "--dry-run=server")
		if err != nil && strings.Contains(err.Error(), "moon") {
			return
		}
		if time.Now().After(give) {
			t.Fatalf("the policy refuses nothing: %v", err)
		}
	}
}

// fails waits for the release to fail and compares the sentences with those
// kept in testdata.
func (tm *team) fails(t *testing.T, commit, name string) {
	t.Helper()
	rel := tm.await(t, "dev", commit, v1alpha1.PhaseFailed)
	status := tm.status(t, "dev", commit, "failure")
	got := "cause: " + rel.Status.Cause + "\nrelease: " + lasting(rel.Status.Message) + "\ncommit: " + opening(lasting(status.Description)) + "\n"
	begins := strings.TrimSuffix(strings.TrimPrefix(status.Description, "failed: "), "…")
	if len(begins) < 20 || !strings.HasPrefix(shortened(rel.Status.Message), begins) {
		t.Errorf("the commit's status does not say what the release does:\n%s\n%s", status.Description, rel.Status.Message)
	}
	path := filepath.Join("testdata", "causes", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// shortened is a release's message on one line, with the first digits of
// digests, as a commit's status has it.
func shortened(message string) string {
	return regexp.MustCompile(`(sha256:[0-9a-f]{8})[0-9a-f]{56}`).ReplaceAllString(strings.Join(strings.Fields(message), " "), "$1")
}

// opening leaves of a status that was cut what is never cut: where the forge's
// limit falls depends on the length of pods' names.
func opening(description string) string {
	if !strings.HasSuffix(description, "…") {
		return description
	}
	return string([]rune(description)[:70]) + "…"
}

// lasting puts words in the place of what differs from run to run.
func lasting(text string) string {
	for _, change := range []struct{ pattern, with string }{
		{`\b(\d{1,3}\.){3}\d{1,3}:\d+\b`, "ADDRESS"},
		{`sha256:[0-9a-f]{6,64}`, "sha256:DIGEST"},
		{`\b([a-z]+)-[0-9a-f]{8,10}-[a-z0-9]{5}\b`, "$1-POD"},
		{`\b([a-z]+)-[0-9a-f]{8,10}\b`, "$1-SET"},
		{` and was restarted (once|\d+ times)`, ""},
	} {
		text = regexp.MustCompile(change.pattern).ReplaceAllString(text, change.with)
	}
	return text
}
