//go:build integration

package controller_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/guard/guardtest"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// tenant is somebody who may do anything with pods in the namespace of a stage.
type tenant struct {
	client.Client
	namespace string
}

// newTenant makes a stage's namespace as the server would, and somebody with a
// kubeconfig of their own.
func newTenant(t *testing.T, name string, policy v1alpha1.ClusterPolicy) tenant {
	t.Helper()
	stage := tenancy.Stage{
		Organization: "acme", Project: "pods", Stage: name, Namespace: naming.Namespace("acme", "pods", name),
		Policy: policy.For(v1alpha1.ProjectPolicy{}), Registry: guardtest.Registry(),
	}
	objects, err := tenancy.Objects(stage)
	if err != nil {
		t.Fatal(err)
	}
	marker, err := tenancy.NewMarker(make([]byte, 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := tenancy.NewNamespaceApplier(env.Client, marker, time.Now).Ensure(t.Context(), tenancy.NewNamespace(stage), objects); err != nil {
		t.Fatal(err)
	}
	meta := metav1.ObjectMeta{Namespace: stage.Namespace, Name: "tenant"}
	for _, object := range []client.Object{
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods", "pods/ephemeralcontainers"}, Verbs: []string{"*"}}}},
		&rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "tenant"}},
		},
	} {
		if err := env.Client.Create(t.Context(), object); client.IgnoreAlreadyExists(err) != nil {
			t.Fatal(err)
		}
	}
	config := rest.CopyConfig(env.Plane.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "tenant"}
	own, err := client.New(config, client.Options{Scheme: env.Client.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	made := tenant{own, stage.Namespace}
	made.await(t, "shared processes")
	made.await(t, "the system's priority")
	if stage.Policy.PodSecurity.Contained() {
		made.await(t, "privilege escalation")
	}
	return made
}

// pod returns a pod that makes an attempt.
func (n tenant) pod(t *testing.T, attempt guardtest.Attempt) *unstructured.Unstructured {
	t.Helper()
	fields, err := attempt.Pod()
	if err != nil {
		t.Fatal(err)
	}
	return tenantPod(n.namespace, fields)
}

// tenantPod returns a pod with metadata and spec.
func tenantPod(namespace string, fields map[string]any) *unstructured.Unstructured {
	pod := &unstructured.Unstructured{Object: fields}
	pod.SetAPIVersion("v1")
	pod.SetKind("Pod")
	pod.SetNamespace(namespace)
	pod.SetName("web")
	return pod
}

// try makes an attempt, and leaves nothing behind.
func (n tenant) try(t *testing.T, attempt guardtest.Attempt) error {
	t.Helper()
	return n.Create(t.Context(), n.pod(t, attempt), client.DryRunAll)
}

// await waits until the API server obeys the policy that refuses an attempt: it
// takes a moment to notice a policy, and what a namespace says.
func (n tenant) await(t *testing.T, name string) {
	t.Helper()
	attempt := guardtest.Attempts()[name]
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := n.try(t, attempt)
		if err != nil && strings.Contains(err.Error(), attempt.Admission) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the API server does not refuse %s: %v", name, err)
		}
	}
}

func makeClasses(t *testing.T) {
	t.Helper()
	for _, class := range []client.Object{
		&schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: guardtest.PriorityClass}, Value: 1000},
		&nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: guardtest.RuntimeClass}, Handler: "other"},
	} {
		if err := env.Client.Create(t.Context(), class); client.IgnoreAlreadyExists(err) != nil {
			t.Fatal(err)
		}
	}
}

// The API server checks the policies' expressions against the fields that pods
// have, and warns of what it can't find.
func TestPoliciesHaveNoWarnings(t *testing.T) {
	for _, name := range []string{"slipway-pods", "slipway-priority", "slipway-contained", "slipway-deliveries", "slipway-status"} {
		for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			var policy admissionregistrationv1.ValidatingAdmissionPolicy
			if err := env.Client.Get(t.Context(), client.ObjectKey{Name: name}, &policy); err != nil {
				t.Fatal(err)
			}
			if checked := policy.Status.TypeChecking; checked != nil && policy.Status.ObservedGeneration == policy.Generation {
				for _, warning := range checked.ExpressionWarnings {
					t.Errorf("%s: %s: %s", name, warning.FieldRef, warning.Warning)
				}
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s was not checked: %+v", name, policy.Status)
			}
		}
	}
}

// Whatever guard refuses, the cluster refuses somebody who makes pods with a
// kubeconfig of their own.
func TestTenantsGetNoMoreThanStages(t *testing.T) {
	makeClasses(t)
	n := newTenant(t, "contained", v1alpha1.ClusterPolicy{})
	if err := n.try(t, guardtest.Attempt{}); err != nil {
		t.Errorf("a pod that asks for nothing: %v", err)
	}
	for name, attempt := range guardtest.Attempts() {
		t.Run(name, func(t *testing.T) {
			refused(t, n.try(t, attempt), attempt.Admission)
		})
	}
}

// What the platform team grants, pods have.
func TestTenantsGetWhatIsGranted(t *testing.T) {
	makeClasses(t)
	var all v1alpha1.ClusterPolicy
	for _, attempt := range guardtest.Attempts() {
		if attempt.Grant != nil {
			attempt.Grant(&all)
		}
	}
	n := newTenant(t, "granted", all)
	granted := 0
	for name, attempt := range guardtest.Attempts() {
		if attempt.Grant == nil {
			continue
		}
		granted++
		t.Run(name, func(t *testing.T) { refused(t, n.try(t, attempt), "") })
	}
	if granted < 10 {
		t.Errorf("only %d attempts can be granted", granted)
	}
}

// Pods run as their images say in a user namespace, and as somebody else than root
// without one.
func TestWhoPodsMayBe(t *testing.T) {
	n := newTenant(t, "users", v1alpha1.ClusterPolicy{})
	const users = "a pod may be root in a user namespace only"
	for name, tt := range map[string]struct {
		attempt guardtest.Attempt
		want    string
	}{
		"root in a user namespace": {guardtest.Attempt{Spec: "{securityContext: {runAsUser: 0}}"}, ""},
		"its capabilities":         {guardtest.Attempt{Container: "{securityContext: {capabilities: {add: [CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, NET_BIND_SERVICE, SETGID, SETPCAP, SETUID]}}}"}, ""},
		"nobody without one":       {guardtest.Attempt{Spec: "{hostUsers: null, securityContext: {runAsNonRoot: true}}"}, ""},
		"a container is nobody":    {guardtest.Attempt{Spec: "{hostUsers: null}", Container: "{securityContext: {runAsNonRoot: true}}"}, ""},
		"anybody without one":      {guardtest.Attempt{Spec: "{hostUsers: null}"}, users},
		"root without one":         {guardtest.Attempt{Spec: "{hostUsers: null, securityContext: {runAsUser: 0}}"}, users},
		"taken back":               {guardtest.Attempt{Spec: "{hostUsers: null, securityContext: {runAsNonRoot: true}}", Container: "{securityContext: {runAsNonRoot: false}}"}, users},
		"another container": {guardtest.Attempt{Spec: "{hostUsers: null, initContainers: [{name: a, image: a, securityContext: {allowPrivilegeEscalation: false}}]}",
			Container: "{securityContext: {runAsNonRoot: true}}"}, users},
		"nothing said of escalation": {guardtest.Attempt{Container: "{securityContext: null}"}, "containers may not gain rights"},
		"nothing said of calls":      {guardtest.Attempt{Spec: "{securityContext: null}"}, "system calls are filtered"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, n.try(t, tt.attempt), tt.want) })
	}
}

// Containers that are added to a running pod are held to the same.
func TestEphemeralContainers(t *testing.T) {
	n := newTenant(t, "debug", v1alpha1.ClusterPolicy{})
	made := n.pod(t, guardtest.Attempt{})
	if err := n.Create(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ security, want string }{
		"as the others":   {"{allowPrivilegeEscalation: false}", ""},
		"escalation":      {"{allowPrivilegeEscalation: true}", "containers may not gain rights"},
		"nothing said":    {"{}", "containers may not gain rights"},
		"privileged":      {"{privileged: true}", "violates PodSecurity"},
		"administration":  {"{allowPrivilegeEscalation: false, capabilities: {add: [SYS_ADMIN]}}", "violates PodSecurity"},
		"tracing others":  {"{allowPrivilegeEscalation: false, capabilities: {add: [SYS_PTRACE]}}", "violates PodSecurity"},
		"device nodes":    {"{allowPrivilegeEscalation: false, capabilities: {add: [MKNOD]}}", "containers may add"},
		"no seccomp":      {"{allowPrivilegeEscalation: false, seccompProfile: {type: Unconfined}}", "violates PodSecurity"},
		"a node's filter": {"{allowPrivilegeEscalation: false, seccompProfile: {type: Localhost, localhostProfile: a}}", "profiles of the node"},
		"SELinux":         {"{allowPrivilegeEscalation: false, seLinuxOptions: {level: s0}}", "SELinux"},
	} {
		t.Run(name, func(t *testing.T) {
			var pod corev1.Pod
			if err := n.Get(t.Context(), client.ObjectKeyFromObject(made), &pod); err != nil {
				t.Fatal(err)
			}
			container := corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debug", Image: guardtest.Image, TerminationMessagePolicy: corev1.TerminationMessageReadFile}}
			if err := yaml.Unmarshal([]byte(tt.security), &container.SecurityContext); err != nil {
				t.Fatal(err)
			}
			pod.Spec.EphemeralContainers = append(pod.Spec.EphemeralContainers, container)
			refused(t, n.SubResource("ephemeralcontainers").Update(t.Context(), &pod, client.DryRunAll), tt.want)
		})
	}
}

// Pods that were made before a policy held can be labelled and deleted.
func TestOlderPodsCanBeChanged(t *testing.T) {
	n := newTenant(t, "older", v1alpha1.ClusterPolicy{PodSecurity: v1alpha1.PodSecurityBaseline})
	pod := n.pod(t, guardtest.Attempt{Spec: "{hostUsers: null, securityContext: null}", Container: "{securityContext: null}"})
	if err := n.Create(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	n = newTenant(t, "older", v1alpha1.ClusterPolicy{})
	refused(t, n.try(t, guardtest.Attempt{Spec: "{hostUsers: null, securityContext: null}", Container: "{securityContext: null}"}), "ValidatingAdmissionPolicy 'slipway-contained'")
	labelled := pod.DeepCopy()
	labelled.SetLabels(map[string]string{"seen": "yes"})
	refused(t, n.Patch(t.Context(), labelled, client.MergeFrom(pod)), "")
	refused(t, n.Delete(t.Context(), pod), "")
}

// What a stage may have is bounded from its first moment on.
func TestBudgetOfObjects(t *testing.T) {
	n := newTenant(t, "budget", v1alpha1.ClusterPolicy{Quota: v1alpha1.Quota{ConfigMaps: 3, Secrets: 1, Services: 1, Jobs: 1, Pods: 1, EphemeralStorage: "6Gi"}})
	made := func(kind, rest string, count int) (err error) {
		for i := 0; i < count && err == nil; i++ {
			var object unstructured.Unstructured
			if err := yaml.Unmarshal([]byte(rest), &object.Object); err != nil {
				t.Fatal(err)
			}
			object.SetKind(kind)
			object.SetNamespace(n.namespace)
			object.SetName(fmt.Sprintf("budget-%d", i))
			err = env.Client.Create(t.Context(), &object)
		}
		return err
	}
	const job = "{apiVersion: batch/v1, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}"
	storage := func(limit string) string {
		return "{apiVersion: v1, spec: {hostUsers: false, automountServiceAccountToken: false, securityContext: {seccompProfile: {type: RuntimeDefault}}, containers: [{name: a, image: a, resources: {limits: {ephemeral-storage: " + limit + "}}, securityContext: {allowPrivilegeEscalation: false}}]}}"
	}
	for name, tt := range map[string]struct {
		kind, rest  string
		count       int
		wantRefusal string
	}{
		"config maps":       {"ConfigMap", "{apiVersion: v1}", 5, "limited: configmaps=3"}, // kube-root-ca.crt is one
		"secrets":           {"Secret", "{apiVersion: v1}", 2, "limited: secrets=1"},
		"services":          {"Service", "{apiVersion: v1, spec: {ports: [{port: 80}]}}", 2, "limited: services=1"},
		"jobs":              {"Job", job, 2, "limited: count/jobs.batch=1"},
		"ephemeral storage": {"Pod", storage("7Gi"), 1, "limited: limits.ephemeral-storage=6Gi"},
	} {
		t.Run(name, func(t *testing.T) {
			err := made(tt.kind, tt.rest, tt.count)
			if !apierrors.IsForbidden(err) {
				t.Fatalf("got %v", err)
			}
			refused(t, err, tt.wantRefusal)
		})
	}
}
