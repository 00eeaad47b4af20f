//go:build integration

package kaniko

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/build/buildtest"
	"github.com/slipway-dev/slipway/internal/kubetest"
)

var plane *kubetest.ControlPlane

func TestMain(m *testing.M) {
	kubetest.Main(m, func(p *kubetest.ControlPlane) { plane = p })
}

// builderAccount may do what New says that a builder needs, and nothing else.
func builderAccount(t *testing.T) kubernetes.Interface {
	t.Helper()
	const user = "slipway-builder"
	admin := plane.Client(t)
	_, err := admin.RbacV1().ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: []string{"get", "create", "delete"}},
			{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "create", "delete"}},
			{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"list"}},
			{APIGroups: []string{""}, Resources: []string{"pods/log"}, Verbs: []string{"get"}},
		},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	_, err = admin.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: user}},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	config := rest.CopyConfig(plane.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	waitForRights(t, client)
	return client
}

func waitForRights(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := client.CoreV1().Pods(metav1.NamespaceDefault).List(t.Context(), metav1.ListOptions{})
		if err == nil {
			return
		}
		if !apierrors.IsForbidden(err) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// cancelling cancels a context once the Job of a build was created.
type cancelling struct {
	http.RoundTripper
	cancel context.CancelFunc
}

func (c cancelling) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.RoundTripper.RoundTrip(request)
	if request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, "/jobs") {
		c.cancel()
	}
	return response, err
}

// A release that is superseded between a build's Job and its Secret leaves
// both: others wait for that build.
func TestSupersededStartIsFinished(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	config := rest.CopyConfig(plane.Config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return cancelling{next, cancel} })
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	admin := plane.Client(t)
	side := &environment{cluster: admin, controlled: true}
	side.count.Store(200)
	state, err := newTestBuilder(t, client).Ensure(ctx, buildtest.Request(side.Namespace(t), "superseded"))
	if err != nil || ctx.Err() == nil {
		t.Fatalf("%v; cancelled: %v", err, ctx.Err())
	}
	if _, err := admin.CoreV1().Secrets(state.Job.Namespace).Get(t.Context(), state.Job.Name, metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

// With a real API server, admission (Pod Security baseline, as build
// namespaces enforce), Job controller and garbage collector.
func TestConformanceOnControlPlane(t *testing.T) {
	buildtest.Run(t, newTestBuilder(t, builderAccount(t)), &environment{cluster: plane.Client(t), controlled: true})
}

func TestSecretGoesWithItsJob(t *testing.T) {
	admin := plane.Client(t)
	side := &environment{cluster: admin, controlled: true}
	side.count.Store(100)
	builder := newTestBuilder(t, builderAccount(t))
	state, err := builder.Ensure(t.Context(), buildtest.Request(side.Namespace(t), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	secrets := admin.CoreV1().Secrets(state.Job.Namespace)
	secret, err := secrets.Get(t.Context(), state.Job.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if secret.Type != corev1.SecretTypeOpaque || len(secret.Data) != 2 {
		t.Errorf("Secret of type %s with %d keys", secret.Type, len(secret.Data))
	}
	if err := builder.Cancel(t.Context(), state.Job); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := secrets.Get(t.Context(), state.Job.Name, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the Secret outlives its Job")
		}
	}
}

// Whoever may write a NetworkPolicy gets the one of build namespaces accepted.
func TestPlaceIsAccepted(t *testing.T) {
	admin := plane.Client(t)
	space := NewNamespace("acme", "place")
	if _, err := admin.CoreV1().Namespaces().Create(t.Context(), space, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	policy := NewNetworkPolicy("acme", "place", []string{"10.0.0.0/8", "fd00::/8"}, nil)
	if _, err := admin.NetworkingV1().NetworkPolicies(space.Name).Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}
