package cluster

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build/kaniko"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
)

// TestKubeconfigsAreDialled reaches clusters by kubeconfigs: one that is allowed gets
// the credentials, and one at an address of ours gets no connection.
func TestKubeconfigsAreDialled(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer canary" {
			http.Error(w, "who is it?", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"gitVersion":"v1.33.2"}`)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	ca := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	allowed := dial.Options{Allow: []string{"127.0.0.1:" + port}}
	for name, tt := range map[string]struct {
		server  string
		options dial.Options
		says    string // empty when it is reached
	}{
		"allowed":               {"https://127.0.0.1:" + port, allowed, ""},
		"ourselves":             {"https://127.0.0.1:" + port, dial.Options{}, "outgoing.allow"},
		"ourselves, by name":    {"https://localhost:" + port, dial.Options{}, "outgoing.allow"},
		"ourselves, in IPv6":    {"https://[::ffff:127.0.0.1]:" + port, dial.Options{}, "outgoing.allow"},
		"ourselves, as number":  {"https://2130706433:" + port, dial.Options{}, "is a number"},
		"a metadata service":    {"https://169.254.169.254", dial.Options{}, "outgoing.allow"},
		"the cluster's network": {"https://10.96.0.1", dial.Options{ClusterNetworks: []string{"10.96.0.0/12"}}, "outgoing.allow"},
	} {
		t.Run(name, func(t *testing.T) {
			before := connections.Load()
			dialer, err := dial.New(tt.options)
			if err != nil {
				t.Fatal(err)
			}
			kubeconfig := fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],
  clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}], users: [{name: u, user: {token: canary}}]}`, tt.server, ca)
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "far"}, Data: map[string][]byte{"kubeconfig": []byte(kubeconfig)}}
			secrets := kube.NewSecrets(fake.NewClientBuilder().WithObjects(secret).Build(), time.Now)
			clusters := &Clusters{Config: &rest.Config{}, Secrets: secrets, Builds: kaniko.Config{Image: "slipway", Executor: "kaniko"}, Dialer: dialer, Now: time.Now}
			t.Cleanup(clusters.Close) // before the next begins
			far := &v1alpha1.Cluster{
				ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "far"},
				Spec:       v1alpha1.ClusterSpec{Kubeconfig: &v1alpha1.SecretKey{Name: "far"}, Registry: v1alpha1.Registry{Host: "registry.example"}},
			}
			version, err := clusters.Version(t.Context(), far)
			if tt.says == "" {
				if err != nil || version != "v1.33.2" {
					t.Errorf("got %q, %v", version, err)
				}
				return
			}
			if err == nil || !strings.Contains(fault.MessageOf(err), tt.says) || strings.Contains(fault.MessageOf(err), "answer") {
				t.Errorf("got %q, %v, want a refusal that says %q", version, err, tt.says)
			}
			if n := connections.Load(); n != before {
				t.Errorf("the server saw %d connections", n-before)
			}
		})
	}
}
