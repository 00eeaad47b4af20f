//go:build integration

package apply

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/kubetest"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

var plane *kubetest.ControlPlane //nolint:gochecknoglobals // one API server for the package's tests

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
}

// newStage makes a namespace for a stage and another for its organization.
func newStage(t testing.TB) *stage {
	t.Helper()
	s := &stage{t: t, traffic: &traffic{}, cluster: NewCluster(nil)}
	s.namespace = plane.Namespace(t)
	s.owner = Owner{Organization: strings.TrimPrefix(s.namespace, "kubetest-"), Project: "shop", Stage: "dev"}
	_, err := plane.Client(t).CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.owner.namespace()}}, metav1.CreateOptions{})
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
	store, err := NewConfigMaps(control)
	if err != nil {
		s.t.Fatal(err)
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

// kubectl acts as somebody else in the stage's namespace.
func (s *stage) kubectl(input string, args ...string) string {
	s.t.Helper()
	return strings.TrimSpace(plane.Kubectl(s.t, input, append([]string{"-n", s.namespace}, args...)...))
}

// everything lists what a person sees in the namespace, without what
// Kubernetes itself makes.
func (s *stage) everything() []string {
	s.t.Helper()
	kinds := "configmaps,secrets,services,serviceaccounts,persistentvolumeclaims,deployments,statefulsets,daemonsets,jobs,cronjobs,ingresses," +
		"networkpolicies,roles,rolebindings,horizontalpodautoscalers,poddisruptionbudgets"
	var names []string
	for name := range strings.FieldsSeq(s.kubectl("", "get", kinds, "-o", "name")) {
		if name != "configmap/kube-root-ca.crt" && name != "serviceaccount/default" && name != "rolebinding.rbac.authorization.k8s.io/slipway-stage" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// eventually waits until the namespace holds exactly the named objects:
// finalizers take a moment.
func (s *stage) eventually(want ...string) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got := s.everything()
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the namespace holds %v, want %v", got, want)
		}
	}
}

func (s *stage) inventory() *Inventory {
	s.t.Helper()
	inventory, err := s.applier.store.Load(s.t.Context(), s.owner)
	if err != nil {
		s.t.Fatal(err)
	}
	return inventory
}

// traffic counts requests by verb and can cut the wire.
type traffic struct {
	mutex  sync.Mutex
	counts map[string]int
	writes int
	// budget is how many more writes reach the server; -1 is without end. The
	// one after the last is answered by nobody, as is everything later.
	limited bool
	budget  int
	// lost makes the last write reach the server, but not its answer.
	lost bool
	dead bool
}

var errCut = errors.New("the process was killed")

func (t *traffic) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(request *http.Request) (*http.Response, error) {
		if err := t.admit(request); err != nil {
			return nil, err
		}
		response, err := next.RoundTrip(request)
		if err == nil && t.cutAfter(request) {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			return nil, errCut
		}
		return response, err
	})
}

func isWrite(request *http.Request) bool {
	return request.Method != http.MethodGet && !strings.Contains(request.URL.RawQuery, "dryRun")
}

func (t *traffic) admit(request *http.Request) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.dead {
		return errCut
	}
	if isWrite(request) {
		if t.limited && t.budget == 0 {
			t.dead = true
			return errCut
		}
		t.budget--
		t.writes++
	}
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[verb(request)]++
	return nil
}

func (t *traffic) cutAfter(request *http.Request) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.limited && t.lost && t.budget == 0 && isWrite(request) {
		t.dead = true
	}
	return t.dead && isWrite(request)
}

func verb(request *http.Request) string {
	switch {
	case strings.Contains(request.URL.RawQuery, "dryRun"):
		return "check"
	case strings.Contains(request.URL.Path, "/configmaps/inventory-") || strings.HasSuffix(request.URL.Path, "/configmaps") && request.Method == http.MethodPost:
		return "inventory " + request.Method
	case strings.Contains(request.URL.RawQuery, "watch="):
		return "WATCH"
	}
	return request.Method
}

// spent returns the requests since the last call, "GET=1 PATCH=2".
func (t *traffic) spent() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var parts []string
	for verb, count := range t.counts {
		parts = append(parts, fmt.Sprintf("%s=%d", verb, count))
	}
	slices.Sort(parts)
	t.counts, t.writes = map[string]int{}, 0
	return strings.Join(parts, " ")
}

// cut lets only so many more writes through.
func (t *traffic) cut(after int, lost bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.limited, t.budget, t.lost, t.dead = true, after, lost, false
}

// heal ends every fault; it reports whether the wire was cut.
func (t *traffic) heal() bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	dead := t.dead
	t.limited, t.dead, t.lost = false, false, false
	return dead
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// manifests joins documents.
func manifests(documents ...string) string {
	var out bytes.Buffer
	for _, d := range documents {
		out.WriteString("---\n" + strings.TrimSpace(d) + "\n")
	}
	return out.String()
}
