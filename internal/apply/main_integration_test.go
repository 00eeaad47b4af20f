//go:build integration

package apply

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	amount "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/kubetest"
	"github.com/slipway-dev/slipway/internal/naming"
)

var plane *kubetest.ControlPlane

func TestMain(m *testing.M) {
	kubetest.Main(m, func(p *kubetest.ControlPlane) { plane = p })
}

// stage is a stage under test: a namespace, an owner and what it costs.
type stage struct {
	t         testing.TB
	owner     inventory.Owner
	namespace string
	traffic   *traffic
	live      *cluster.Live
	applier   *Applier
	admin     dynamic.Interface // somebody with every right
	remembers bool              // inventories, as the server does
}

// newStage makes a namespace for a stage and another for its organization.
func newStage(t testing.TB) *stage {
	t.Helper()
	s := &stage{t: t, traffic: &traffic{}}
	s.namespace = plane.Namespace(t)
	var err error
	if s.admin, err = dynamic.NewForConfig(unlimited()); err != nil {
		t.Fatal(err)
	}
	s.owner = inventory.Owner{Organization: strings.TrimPrefix(s.namespace, "kubetest-"), Project: "shop", Stage: "dev"}
	_, err = plane.Client(t).CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: naming.OrganizationNamespace(s.owner.Organization)}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.restart()
	return s
}

// unlimited returns the rights of an administrator who may ask as often as the
// tests do.
func unlimited() *rest.Config {
	config := rest.CopyConfig(plane.Config)
	config.QPS = -1
	return config
}

// restart forgets everything that a process would.
func (s *stage) restart() {
	s.t.Helper()
	config := plane.Stage(s.namespace)
	config.Wrap(s.traffic.wrap)
	control := rest.CopyConfig(plane.Config)
	control.Wrap(s.traffic.wrap)
	maps, err := inventory.NewConfigMaps(control)
	if err != nil {
		s.t.Fatal(err)
	}
	store := inventory.Store(maps)
	if s.remembers {
		store = inventory.Remember(maps)
	}
	if s.applier, err = New(cluster.New(s.live), config, store); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) set(manifests string) desired.Set {
	return desired.Set{Owner: s.owner, Cluster: "test", Namespace: s.namespace, Manifests: []byte(manifests)}
}

func (s *stage) apply(manifests string) Report {
	s.t.Helper()
	report, err := s.applier.Apply(s.t.Context(), s.set(manifests))
	if err != nil {
		s.t.Fatalf("apply: %v", err)
	}
	return report
}

func (s *stage) prune() Removal {
	s.t.Helper()
	removal, err := s.applier.Prune(s.t.Context(), s.owner)
	if err != nil {
		s.t.Fatalf("prune: %v", err)
	}
	return removal
}

// stageKind is a kind of objects that stages of the tests consist of.
type stageKind struct {
	inventory.Ref
	short, plural string
}

func stageKinds() []stageKind {
	return []stageKind{
		{inventory.Ref{Version: "v1", Kind: "ConfigMap"}, "cm", "configmaps"},
		{inventory.Ref{Version: "v1", Kind: "Secret"}, "secret", "secrets"},
		{inventory.Ref{Version: "v1", Kind: "Service"}, "svc", "services"},
		{inventory.Ref{Version: "v1", Kind: "ServiceAccount"}, "sa", "serviceaccounts"},
		{inventory.Ref{Version: "v1", Kind: "PersistentVolumeClaim"}, "pvc", "persistentvolumeclaims"},
		{inventory.Ref{Version: "v1", Kind: "LimitRange"}, "limits", "limitranges"},
		{inventory.Ref{Version: "v1", Kind: "ResourceQuota"}, "quota", "resourcequotas"},
		{inventory.Ref{Version: "v1", Kind: "ReplicationController"}, "rc", "replicationcontrollers"},
		{inventory.Ref{Group: "apps", Version: "v1", Kind: "Deployment"}, "deploy", "deployments"},
		{inventory.Ref{Group: "apps", Version: "v1", Kind: "StatefulSet"}, "sts", "statefulsets"},
		{inventory.Ref{Group: "apps", Version: "v1", Kind: "DaemonSet"}, "ds", "daemonsets"},
		{inventory.Ref{Group: "batch", Version: "v1", Kind: "Job"}, "job", "jobs"},
		{inventory.Ref{Group: "batch", Version: "v1", Kind: "CronJob"}, "cj", "cronjobs"},
		{inventory.Ref{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}, "ing", "ingresses"},
		{inventory.Ref{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}, "netpol", "networkpolicies"},
		{inventory.Ref{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"}, "pdb", "poddisruptionbudgets"},
		{inventory.Ref{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "Role"}, "role", "roles"},
		{inventory.Ref{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"}, "rolebinding", "rolebindings"},
		{inventory.Ref{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"}, "hpa", "horizontalpodautoscalers"},
	}
}

// kind returns the kind of which holds is true.
func (s *stage) kind(what string, holds func(stageKind) bool) stageKind {
	s.t.Helper()
	at := slices.IndexFunc(stageKinds(), holds)
	if at < 0 {
		s.t.Fatalf("no kind is called %q", what)
	}
	return stageKinds()[at]
}

// ref returns the object that a person calls "deploy/web".
func (s *stage) ref(object string) inventory.Ref {
	s.t.Helper()
	short, name, _ := strings.Cut(object, "/")
	ref := s.kind(short, func(k stageKind) bool { return k.short == short }).Ref
	ref.Namespace, ref.Name = s.namespace, name
	return ref
}

// objectsOf returns the objects of a kind as somebody with every right
// reaches them.
func (s *stage) objectsOf(ref inventory.Ref) dynamic.ResourceInterface {
	s.t.Helper()
	k := s.kind(ref.Kind, func(k stageKind) bool { return k.Group == ref.Group && k.Kind == ref.Kind })
	resource := schema.GroupVersionResource{Group: ref.Group, Version: ref.Version, Resource: k.plural}
	return s.admin.Resource(resource).Namespace(s.namespace)
}

// other makes an object as somebody else.
func (s *stage) other(manifest string) {
	s.t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(manifest), &object.Object); err != nil {
		s.t.Fatal(err)
	}
	object.SetLabels(nil)
	gvk := object.GroupVersionKind()
	objects := s.objectsOf(inventory.Ref{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind})
	if _, err := objects.Create(s.t.Context(), object, metav1.CreateOptions{FieldManager: "somebody"}); err != nil {
		s.t.Fatal(err)
	}
}

// field returns a field of an object, by JSON path; empty when there is no
// such object.
func (s *stage) field(object, path string) string {
	s.t.Helper()
	ref := s.ref(object)
	found, err := s.objectsOf(ref).Get(s.t.Context(), ref.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return ""
	}
	if err != nil {
		s.t.Fatal(err)
	}
	query := jsonpath.New(object).AllowMissingKeys(true)
	if err := query.Parse("{" + path + "}"); err != nil {
		s.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := query.Execute(&out, found.Object); err != nil {
		s.t.Fatal(err)
	}
	return out.String()
}

// patch changes an object as somebody else, with a merge patch.
func (s *stage) patch(object, subresource, body string) {
	s.t.Helper()
	ref := s.ref(object)
	var subresources []string
	if subresource != "" {
		subresources = append(subresources, subresource)
	}
	_, err := s.objectsOf(ref).Patch(s.t.Context(), ref.Name, types.MergePatchType, []byte(body), metav1.PatchOptions{FieldManager: "mallory"}, subresources...)
	if err != nil {
		s.t.Fatal(err)
	}
}

// remove deletes an object as somebody else.
func (s *stage) remove(object string) {
	s.t.Helper()
	ref, background := s.ref(object), metav1.DeletePropagationBackground
	if err := s.objectsOf(ref).Delete(s.t.Context(), ref.Name, metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
		s.t.Fatal(err)
	}
}

// kubectl acts as somebody else in the stage's namespace.
func (s *stage) kubectl(input string, args ...string) string {
	s.t.Helper()
	return strings.TrimSpace(plane.Kubectl(s.t, input, append([]string{"-n", s.namespace}, args...)...))
}

// objects returns the UIDs of what a person finds in the namespace by kind and
// name, without what Kubernetes itself makes.
func (s *stage) objects() map[string]string {
	s.t.Helper()
	found := map[string]string{}
	for _, kind := range stageKinds() {
		list, err := s.objectsOf(kind.Ref).List(s.t.Context(), metav1.ListOptions{})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, object := range list.Items {
			name := strings.ToLower(kind.Kind) + "/" + object.GetName()
			if strings.HasPrefix(name, "persistentvolumeclaim/data-") {
				continue // a StatefulSet's
			}
			if name != "configmap/kube-root-ca.crt" && name != "serviceaccount/default" && name != "rolebinding/slipway-stage" {
				found[name] = string(object.GetUID())
			}
		}
	}
	return found
}

// everything lists the names of objects.
func (s *stage) everything() []string {
	s.t.Helper()
	return slices.Sorted(maps.Keys(s.objects()))
}

// patiently waits until a check passes: finalizers and controllers take a
// moment.
func (s *stage) patiently(what string, check func() error) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: %v", what, err)
		}
	}
}

// eventually waits until the namespace holds exactly the named objects.
func (s *stage) eventually(want ...string) {
	s.t.Helper()
	s.patiently("what the namespace holds", func() error {
		if got := s.everything(); !slices.Equal(got, want) {
			return fmt.Errorf("%v, want %v", got, want)
		}
		return nil
	})
}

// quota bounds the namespace, and waits until the API server knows it.
func (s *stage) quota(hard string) {
	s.t.Helper()
	s.kubectl("apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: small}\nspec: {hard: {"+hard+"}}\n", "create", "-f", "-")
	client, probe := plane.Client(s.t).CoreV1(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	big := corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: amount.MustParse("100Gi")}}
	s.patiently("the quota is in force", func() error {
		_, pod := client.Pods(s.namespace).Create(s.t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "probe"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "a"}}},
		}, probe)
		_, volume := client.PersistentVolumeClaims(s.namespace).Create(s.t.Context(), &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{Name: "probe"},
			Spec:       corev1.PersistentVolumeClaimSpec{AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, Resources: big},
		}, probe)
		for _, err := range []error{pod, volume} {
			if err != nil && strings.Contains(err.Error(), "exceeded quota: small") {
				return nil
			}
		}
		return fmt.Errorf("it lets a pod through (%w) and a volume (%w)", pod, volume)
	})
}

func (s *stage) inventory() *inventory.Inventory {
	s.t.Helper()
	inventory, err := s.applier.store.Load(s.t.Context(), s.owner)
	if err != nil {
		s.t.Fatal(err)
	}
	return inventory
}

// manifests joins documents.
func manifests(documents ...string) string {
	var out bytes.Buffer
	for _, d := range documents {
		out.WriteString("---\n" + strings.TrimSpace(d) + "\n")
	}
	return out.String()
}
