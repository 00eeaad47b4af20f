//go:build integration

package apply

import (
	"bytes"
	"encoding/json"
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
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/jsonpath"

	"github.com/slipway-dev/slipway/internal/kubetest"
)

var plane *kubetest.ControlPlane

func TestMain(m *testing.M) {
	kubetest.Main(m, func(p *kubetest.ControlPlane) { plane = p })
}

// stage is a stage under test: a namespace, an owner and what it costs.
type stage struct {
	t         testing.TB
	owner     Owner
	namespace string
	traffic   *traffic
	cluster   *Cluster
	applier   *Applier
	admin     *client // somebody with every right
	remembers bool    // inventories, as the server does
}

// newStage makes a namespace for a stage and another for its organization.
func newStage(t testing.TB) *stage {
	t.Helper()
	s := &stage{t: t, traffic: &traffic{}, cluster: NewCluster(nil)}
	s.namespace = plane.Namespace(t)
	everything, err := newRESTClient(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	s.admin = &client{rest: everything, kinds: newKinds(), limiter: newLimiter(defaultConcurrency)}
	s.owner = Owner{Organization: strings.TrimPrefix(s.namespace, "kubetest-"), Project: "shop", Stage: "dev"}
	_, err = plane.Client(t).CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.owner.namespace()}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.restart()
	return s
}

// restart forgets everything that a process would.
func (s *stage) restart() {
	s.t.Helper()
	s.cluster = NewCluster(s.cluster.live)
	config := plane.Stage(s.namespace)
	config.Wrap(s.traffic.wrap)
	control := rest.CopyConfig(plane.Config)
	control.Wrap(s.traffic.wrap)
	maps, err := NewConfigMaps(control)
	if err != nil {
		s.t.Fatal(err)
	}
	store := Store(maps)
	if s.remembers {
		store = Remember(maps)
	}
	if s.applier, err = New(s.cluster, config, store); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) set(manifests string) Set {
	return Set{Owner: s.owner, Cluster: "test", Namespace: s.namespace, Manifests: []byte(manifests)}
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

// other makes an object as somebody else.
func (s *stage) other(manifest string) {
	s.t.Helper()
	d := &document{raw: []byte(manifest)}
	if err := d.parse(Set{Namespace: s.namespace}); err != nil {
		s.t.Fatal(err)
	}
	d.ref.Name = ""
	path, err := s.admin.path(s.t.Context(), d.ref)
	if err != nil {
		s.t.Fatal(err)
	}
	metadata, _ := d.object["metadata"].(map[string]any)
	delete(metadata, "labels")
	body, err := json.Marshal(d.object)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.admin.rest.Post().AbsPath(path...).Param("fieldManager", "somebody").SetHeader("Content-Type", "application/json").Body(body).Do(s.t.Context()).Error(); err != nil {
		s.t.Fatal(err)
	}
}

// ref returns the object that a person calls "deploy/web".
func (s *stage) ref(object string) Ref {
	s.t.Helper()
	short, name, _ := strings.Cut(object, "/")
	full := map[string]string{
		"cm": "configmaps", "secret": "secrets", "deploy": "deployments", "svc": "services", "sts": "statefulsets", "pvc": "persistentvolumeclaims", "job": "jobs", "rolebinding": "rolebindings",
	}
	for gk, kind := range s.admin.kinds.builtin {
		if kind.plural == full[short] {
			return Ref{Group: gk.Group, Version: kind.versions[0], Kind: gk.Kind, Namespace: s.namespace, Name: name}
		}
	}
	s.t.Fatalf("no kind is called %q", short)
	return Ref{}
}

// field returns a field of an object, by JSON path; empty when there is no
// such object.
func (s *stage) field(object, path string) string {
	s.t.Helper()
	segments, err := s.admin.path(s.t.Context(), s.ref(object))
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := s.admin.rest.Get().AbsPath(segments...).SetHeader("Accept", "application/json").Do(s.t.Context()).Raw()
	if apierrors.IsNotFound(err) {
		return ""
	}
	if err != nil {
		s.t.Fatal(err)
	}
	var decoded any
	if err := json.Unmarshal(body, &decoded); err != nil {
		s.t.Fatal(err)
	}
	query := jsonpath.New(object).AllowMissingKeys(true)
	if err := query.Parse("{" + path + "}"); err != nil {
		s.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := query.Execute(&out, decoded); err != nil {
		s.t.Fatal(err)
	}
	return out.String()
}

// patch changes an object as somebody else, with a merge patch.
func (s *stage) patch(object, subresource, body string) {
	s.t.Helper()
	segments, err := s.admin.path(s.t.Context(), s.ref(object))
	if err != nil {
		s.t.Fatal(err)
	}
	if subresource != "" {
		segments = append(segments, subresource)
	}
	err = s.admin.rest.Patch(types.MergePatchType).AbsPath(segments...).Param("fieldManager", "mallory").Body([]byte(body)).Do(s.t.Context()).Error()
	if err != nil {
		s.t.Fatal(err)
	}
}

// remove deletes an object as somebody else.
func (s *stage) remove(object string) {
	s.t.Helper()
	segments, err := s.admin.path(s.t.Context(), s.ref(object))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.admin.rest.Delete().AbsPath(segments...).Param("propagationPolicy", "Background").Do(s.t.Context()).Error(); err != nil {
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
	for gk, kind := range s.admin.kinds.builtin {
		if !kind.namespaced || slices.Contains([]string{"Pod", "ReplicaSet", "Endpoints"}, gk.Kind) {
			continue
		}
		ref := Ref{Group: gk.Group, Version: kind.versions[0], Kind: gk.Kind, Namespace: s.namespace}
		err := s.admin.list(s.t.Context(), ref, "", func(meta *metav1.PartialObjectMetadata) {
			name := strings.ToLower(gk.Kind) + "/" + meta.Name
			if strings.HasPrefix(name, "persistentvolumeclaim/data-") {
				return // a StatefulSet's
			}
			if name != "configmap/kube-root-ca.crt" && name != "serviceaccount/default" && name != "rolebinding/slipway-stage" {
				found[name] = string(meta.UID)
			}
		})
		if err != nil {
			s.t.Fatal(err)
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

func (s *stage) inventory() *Inventory {
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
