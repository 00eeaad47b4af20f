package cluster

import (
	"runtime"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build/kaniko"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/kube"
)

const kubeconfigOf = `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],
  clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}], users: [{name: u, user: {token: TOKEN}}]}`

// The clients that were made with a kubeconfig, and the credentials in them,
// go when the kubeconfig is replaced.
func TestReplacedKubeconfigLeavesMemory(t *testing.T) {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "far"}, Data: map[string][]byte{"kubeconfig": []byte(kubeconfigOf)}}
	c := fake.NewClientBuilder().WithObjects(secret).Build()
	now := time.Now()
	clock := func() time.Time { return now }
	clusters := &Clusters{Config: &rest.Config{}, Secrets: kube.NewSecrets(c, clock), Builds: kaniko.Config{Image: "slipway", Executor: "kaniko"}, Dialer: dial.Unrestricted(), Now: clock}
	defer clusters.Close()
	far := &v1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "far", UID: "1", Generation: 1},
		Spec:       v1alpha1.ClusterSpec{Kubeconfig: &v1alpha1.SecretKey{Name: "far"}, Registry: v1alpha1.Registry{Host: "registry.example"}},
	}
	freed := make(chan string, 3)
	func() {
		connection, err := clusters.Connect(t.Context(), far)
		if err != nil {
			t.Fatal(err)
		}
		runtime.AddCleanup(connection, func(what string) { freed <- what }, "connection")
		runtime.AddCleanup(connection.Hosts, func(what string) { freed <- what }, "hosts")
		runtime.AddCleanup(connection.Namespaces, func(what string) { freed <- what }, "namespaces")
	}()
	secret.Data["kubeconfig"] = append(secret.Data["kubeconfig"], '\n')
	if err := c.Patch(t.Context(), secret, client.Merge); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour) // what was read of the Secret is too old
	if _, err := clusters.Connect(t.Context(), far); err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{"connection": true, "hosts": true, "namespaces": true}
	for deadline := time.Now().Add(10 * time.Second); len(left) > 0; {
		runtime.GC()
		select {
		case what := <-freed:
			delete(left, what)
		case <-time.After(10 * time.Millisecond):
			if time.Now().After(deadline) {
				t.Fatalf("a replaced connection still holds %v", left)
			}
		}
	}
}
