package tenancy

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

var update = flag.Bool("update", false, "write the golden files")

// testMarker marks with the key of the tests' server.
func testMarker() *Marker {
	marker, err := NewMarker(bytes.Repeat([]byte("k"), 32), time.Now)
	if err != nil {
		panic(err)
	}
	return marker
}

func testStage() Stage {
	return Stage{Organization: "acme", Project: "shop", Stage: "dev", Namespace: "sw-acme-shop-dev", Policy: v1alpha1.ClusterPolicy{}.For(v1alpha1.ProjectPolicy{})}
}

func TestGolden(t *testing.T) {
	full := testStage()
	full.Resources = project.Resources{CPU: "4", Memory: "8Gi"}
	full.Policy = v1alpha1.ClusterPolicy{
		PodSecurity: v1alpha1.PodSecurityRestricted, PriorityClasses: []string{"high", "low"}, RuntimeClasses: []string{"gvisor"},
		Allow: []v1alpha1.Permission{v1alpha1.PermissionDNS}, Quota: v1alpha1.Quota{Pods: 10, Jobs: 11, ConfigMaps: 12},
	}.For(v1alpha1.ProjectPolicy{
		PodSecurity: v1alpha1.PodSecurityBaseline, Allow: []v1alpha1.Permission{v1alpha1.PermissionServiceTokens, v1alpha1.PermissionDNS},
		Quota: v1alpha1.Quota{Jobs: 21, Secrets: 22, Services: 23, EphemeralStorage: "24Gi"},
	})
	full.IngressNamespace = "ingress"
	full.IngressNetworks = []string{"10.1.0.0/16"}
	restricted := testStage()
	restricted.Policy.PodSecurity = v1alpha1.PodSecurityRestricted
	closed := testStage()
	closed.Closed = true
	organization, rights := NewOrganization("acme", Subject{Namespace: "slipway", Name: "slipway"})
	for name, objects := range map[string][]client.Object{
		"stage":        stageObjects(t, testStage()),
		"full":         stageObjects(t, full),
		"restricted":   stageObjects(t, restricted)[:1],
		"closed":       stageObjects(t, closed)[6:],
		"organization": append([]client.Object{organization}, rights...),
		"builds":       {NewBuilds("swb-acme-shop", testStage().Labels(), Subject{Namespace: "slipway", Name: "slipway"})},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			for _, object := range objects {
				data, err := yaml.Marshal(object)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString("---\n")
				got.Write(data)
			}
			path := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
}

func stageObjects(t *testing.T, s Stage) []client.Object {
	t.Helper()
	objects, err := Objects(s)
	if err != nil {
		t.Fatal(err)
	}
	return append([]client.Object{NewNamespace(s)}, objects...)
}

func TestBadQuota(t *testing.T) {
	s := testStage()
	s.Policy.Quota.EphemeralStorage = "much"
	if _, err := Objects(s); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestBadResources(t *testing.T) {
	for name, resources := range map[string]project.Resources{"cpu": {CPU: "many"}, "memory": {Memory: "8 gigs"}} {
		t.Run(name, func(t *testing.T) {
			s := testStage()
			s.Resources = resources
			if _, err := Objects(s); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("got %v", err)
			}
		})
	}
}

// cluster is a client that holds namespaces and counts requests.
type cluster struct {
	client.Client
	mu         sync.Mutex
	namespaces map[string]*corev1.Namespace
	quota      corev1.ResourceQuota
	uncounted  int // how often the quota is read before it counts anything
	requests   int
	fail       error
}

func (c *cluster) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	if c.fail != nil {
		return c.fail
	}
	if quota, is := into.(*corev1.ResourceQuota); is {
		c.quota.DeepCopyInto(quota)
		if c.uncounted--; c.uncounted < 0 {
			quota.Status.Used = quota.Spec.Hard
		}
		return nil
	}
	found := c.namespaces[key.Name]
	if found == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, key.Name)
	}
	found.DeepCopyInto(into.(*corev1.Namespace))
	return nil
}

func (c *cluster) Create(_ context.Context, object client.Object, _ ...client.CreateOption) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	if c.fail != nil {
		return c.fail
	}
	if c.namespaces[object.GetName()] != nil {
		return apierrors.NewAlreadyExists(schema.GroupResource{Resource: "namespaces"}, object.GetName())
	}
	object.SetUID(types.UID("uid-of-" + object.GetName()))
	object.SetCreationTimestamp(metav1.Now())
	c.namespaces[object.GetName()] = object.(*corev1.Namespace).DeepCopy()
	return nil
}

func (c *cluster) Apply(_ context.Context, config runtime.ApplyConfiguration, _ ...client.ApplyOption) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	data, err := yaml.Marshal(config)
	if err != nil {
		return err
	}
	var quota corev1.ResourceQuota
	if err := yaml.Unmarshal(data, &quota); err == nil && quota.Kind == "ResourceQuota" {
		c.quota = quota
	}
	var namespace corev1.Namespace
	if err := yaml.Unmarshal(data, &namespace); err == nil && namespace.Kind == "Namespace" {
		existing := c.namespaces[namespace.Name]
		if existing == nil || existing.UID != namespace.UID {
			return apierrors.NewConflict(schema.GroupResource{Resource: "namespaces"}, namespace.Name, errors.New("uid mismatch"))
		}
		namespace.CreationTimestamp = existing.CreationTimestamp
		c.namespaces[namespace.Name] = &namespace
	}
	return nil
}

func (c *cluster) Delete(_ context.Context, object client.Object, _ ...client.DeleteOption) error {
	c.requests++
	delete(c.namespaces, object.GetName())
	return nil
}

func (c *cluster) spent() int {
	n := c.requests
	c.requests = 0
	return n
}

func TestUnchangedNamespacesCostNothing(t *testing.T) {
	now := time.Unix(0, 0)
	fake := &cluster{namespaces: map[string]*corev1.Namespace{}}
	applier := NewNamespaceApplier(fake, testMarker(), func() time.Time { return now })
	ensure := func(s Stage) int {
		t.Helper()
		all := stageObjects(t, s)
		if err := applier.Ensure(t.Context(), NewNamespace(s), all[1:]); err != nil {
			t.Fatal(err)
		}
		return fake.spent()
	}
	wanted := len(stageObjects(t, testStage())) + 2  // and the looks at namespace and quota
	if got := ensure(testStage()); got != wanted+1 { // and making it
		t.Errorf("the first time costs %d requests, want %d", got, wanted+1)
	}
	if got := ensure(testStage()); got != 0 {
		t.Errorf("unchanged, it costs %d requests", got)
	}
	changed := testStage()
	changed.Resources.CPU = "2"
	if got := ensure(changed); got != wanted {
		t.Errorf("changed, it costs %d requests, want %d", got, wanted)
	}
	now = now.Add(repairAfter + 1)
	if got := ensure(changed); got != wanted {
		t.Errorf("after %s it costs %d requests, want %d", repairAfter, got, wanted)
	}
}

// What a quota counts is refused until the cluster has counted it.
func TestQuotaIsAwaited(t *testing.T) {
	all := stageObjects(t, testStage())
	fake := &cluster{namespaces: map[string]*corev1.Namespace{}, uncounted: 3}
	if err := NewNamespaceApplier(fake, testMarker(), time.Now).Ensure(t.Context(), NewNamespace(testStage()), all[1:]); err != nil {
		t.Fatal(err)
	}
	if got, want := fake.spent(), len(all)+6; got != want {
		t.Errorf("%d requests, want %d", got, want)
	}
	never, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	fake = &cluster{namespaces: map[string]*corev1.Namespace{}, uncounted: 1 << 30}
	if err := NewNamespaceApplier(fake, testMarker(), time.Now).Ensure(never, NewNamespace(testStage()), all[1:]); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a quota that is never counted: %v", err)
	}
}

// made is a namespace as Ensure makes it on a cluster of its own.
func made(t *testing.T, marker *Marker, s Stage) *corev1.Namespace {
	t.Helper()
	fake := &cluster{namespaces: map[string]*corev1.Namespace{}}
	if err := NewNamespaceApplier(fake, marker, time.Now).Ensure(t.Context(), NewNamespace(s), nil); err != nil {
		t.Fatal(err)
	}
	return fake.namespaces[s.Namespace]
}

func TestDeleteOwnNamespace(t *testing.T) {
	own := made(t, testMarker(), testStage())
	fake := &cluster{namespaces: map[string]*corev1.Namespace{own.Name: own}}
	applier := NewNamespaceApplier(fake, testMarker(), time.Now)
	var answers []string
	for range 2 {
		remains, err := applier.Delete(t.Context(), own.Name, testStage().Labels())
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, remains)
	}
	if want := []string{"namespace " + own.Name + " is being deleted", ""}; !slices.Equal(answers, want) {
		t.Errorf("remains: %q, want %q", answers, want)
	}
}

func TestServerErrorsHaveCodes(t *testing.T) {
	resource := schema.GroupResource{Resource: "namespaces"}
	for name, tc := range map[string]struct {
		err  error
		want fault.Code
	}{
		"down":      {apierrors.NewServiceUnavailable("down"), fault.Unavailable},
		"network":   {errors.New("connection refused"), fault.Unavailable},
		"forbidden": {apierrors.NewForbidden(resource, "x", errors.New("no")), fault.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			applier := NewNamespaceApplier(&cluster{fail: tc.err}, testMarker(), time.Now)
			if err := applier.Ensure(t.Context(), NewNamespace(testStage()), nil); fault.CodeOf(err) != tc.want {
				t.Errorf("got %v, want code %s", err, tc.want)
			}
		})
	}
}
