package cluster

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build/kaniko"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
)

func TestVersion(t *testing.T) {
	answers := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/version" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"major":"1","minor":"33","gitVersion":"v1.33.2"}`)
	})
	tests := map[string]struct {
		handler    http.Handler
		kubeconfig string // name of its Secret
		want       string
		code       fault.Code
	}{
		"answers":           {handler: answers, want: "v1.33.2"},
		"does not answer":   {handler: http.NotFoundHandler(), code: fault.Unavailable},
		"has no kubeconfig": {handler: answers, kubeconfig: "gone", code: fault.NotFound},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			secrets := kube.NewSecrets(fake.NewClientBuilder().Build(), time.Now)
			clusters := &Clusters{Config: &rest.Config{Host: server.URL}, Secrets: secrets, Builds: kaniko.Config{Image: "slipway", Executor: "kaniko"}, Dialer: dial.Unrestricted(), Now: time.Now}
			defer clusters.Close()
			near := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "near"}, Spec: v1alpha1.ClusterSpec{Registry: v1alpha1.Registry{Host: "registry.example"}}}
			if tt.kubeconfig != "" {
				near.Spec.Kubeconfig = &v1alpha1.SecretKey{Name: tt.kubeconfig}
			}
			got, err := clusters.Version(t.Context(), near)
			if got != tt.want || err == nil && tt.code != "" || err != nil && fault.CodeOf(err) != tt.code {
				t.Errorf("got %q, %v; want %q, code %q", got, err, tt.want, tt.code)
			}
		})
	}
}

// A cluster that serves more than is kept of it is no cluster that anybody has.
func TestManyAPIVersions(t *testing.T) {
	for n, refused := range map[int]bool{maxAPIVersions - 1: false, maxAPIVersions: true} { // and their group
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			switch r.URL.Path {
			case "/api":
				fmt.Fprint(w, `{"kind":"APIVersions","versions":[]}`)
			case "/apis":
				fmt.Fprint(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"many","versions":[{"groupVersion":"many/v1","version":"v1"}]}]}`)
			default:
				var kinds []string
				for i := range n {
					kinds = append(kinds, fmt.Sprintf(`{"name":"k%d","kind":"K%d","verbs":["get"]}`, i, i))
				}
				fmt.Fprintf(w, `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"many/v1","resources":[%s]}`, strings.Join(kinds, ","))
			}
		}))
		defer server.Close()
		clusters := &Clusters{
			Config: &rest.Config{Host: server.URL}, Secrets: kube.NewSecrets(fake.NewClientBuilder().Build(), time.Now), Builds: kaniko.Config{Image: "slipway", Executor: "kaniko"},
			Dialer: dial.Unrestricted(), Now: time.Now,
		}
		defer clusters.Close()
		near := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "near"}, Spec: v1alpha1.ClusterSpec{Registry: v1alpha1.Registry{Host: "registry.example"}}}
		served, err := clusters.APIVersions(t.Context(), near)
		if refused != (fault.CodeOf(err) == fault.Invalid) || !refused && (err != nil || len(served) != maxAPIVersions) {
			t.Errorf("of %d kinds are %d known: %v", n, len(served), err)
		}
	}
}
