package tenancy

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	clienttesting "k8s.io/client-go/testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// pulls is a cluster that one applier writes a stage's pull Secret to.
type pulls struct {
	*fake.Clientset
	applier *NamespaceApplier
}

func newPulls(now func() time.Time, existing ...runtime.Object) *pulls {
	return &pulls{Clientset: fake.NewClientset(existing...), applier: NewNamespaceApplier(nil, testMarker(), now)}
}

func (p *pulls) ensure(t *testing.T, config string) error {
	t.Helper()
	return p.applier.EnsurePullSecret(t.Context(), func() (typedv1.SecretInterface, error) {
		return p.CoreV1().Secrets(testStage().Namespace), nil
	}, testStage(), []byte(config))
}

// held returns what the Secret holds, empty when there is none.
func (p *pulls) held(t *testing.T) string {
	t.Helper()
	secret, err := p.CoreV1().Secrets(testStage().Namespace).Get(t.Context(), naming.PullSecret, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	if secret.Type != corev1.SecretTypeDockerConfigJson {
		t.Errorf("the Secret's type is %s", secret.Type)
	}
	return string(secret.Data[corev1.DockerConfigJsonKey])
}

func TestPullSecretFollowsTheCredentials(t *testing.T) {
	now := time.Unix(0, 0)
	p := newPulls(func() time.Time { return now })
	steps := []struct {
		config   string
		requests int
	}{
		{"", 1},             // there is none
		{`{"auths":{}}`, 3}, // created and marked
		{`{"auths":{}}`, 0}, // remembered
		{`{"auths":1}`, 2},  // rotated
		{"", 2},             // deleted
		{"", 0},             // remembered
		{`{"auths":{}}`, 3}, // created again
	}
	for i, step := range steps {
		p.ClearActions()
		if err := p.ensure(t, step.config); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if got := len(p.Actions()); got != step.requests {
			t.Errorf("step %d: it costs %d requests, want %d", i, got, step.requests)
		}
		if got := p.held(t); got != step.config {
			t.Errorf("step %d: the Secret holds %q, want %q", i, got, step.config)
		}
	}
	if err := p.CoreV1().Secrets(testStage().Namespace).Delete(t.Context(), naming.PullSecret, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(repairAfter + 1)
	if err := p.ensure(t, steps[6].config); err != nil || p.held(t) != steps[6].config {
		t.Errorf("a Secret that somebody deleted: %v, it holds %q; want it repaired", err, p.held(t))
	}
}

func TestPullSecretOfSomebodyElse(t *testing.T) {
	foreign := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: naming.PullSecret, Namespace: testStage().Namespace, Labels: testStage().Labels()}, Data: map[string][]byte{"a": []byte("b")}}
	p := newPulls(time.Now, foreign)
	if err := p.ensure(t, `{"auths":{}}`); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
	if err := p.ensure(t, ""); err != nil {
		t.Error(err)
	}
	left, err := p.CoreV1().Secrets(foreign.Namespace).Get(t.Context(), naming.PullSecret, metav1.GetOptions{})
	if err != nil || string(left.Data["a"]) != "b" {
		t.Errorf("%v, %v: it was changed", left, err)
	}
}

func TestPullSecretFaults(t *testing.T) {
	resource := schema.GroupResource{Resource: "secrets"}
	for name, test := range map[string]struct {
		err  error
		want fault.Code
	}{
		"no configuration":  {apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, naming.PullSecret, nil), fault.Invalid},
		"forbidden":         {apierrors.NewForbidden(resource, naming.PullSecret, errors.New("no")), fault.Denied},
		"created meanwhile": {apierrors.NewAlreadyExists(resource, naming.PullSecret), fault.Unavailable},
		"down":              {errors.New("connection refused"), fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPulls(time.Now)
			p.PrependReactor("create", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, test.err })
			if err := p.ensure(t, "x"); fault.CodeOf(err) != test.want {
				t.Errorf("got %v, want code %s", err, test.want)
			}
			p.ReactionChain = p.ReactionChain[1:]
			if err := p.ensure(t, "x"); err != nil || p.held(t) != "x" {
				t.Errorf("afterwards: %v; want that a failure is not remembered", err)
			}
		})
	}
}

func TestPullSecretOf(t *testing.T) {
	if got := PullSecretOf(v1alpha1.Registry{}); got != "" {
		t.Errorf("without credentials pods pull with %q", got)
	}
	if got := PullSecretOf(v1alpha1.Registry{PullCredentials: &v1alpha1.SecretKey{Name: "pull"}}); got != naming.PullSecret {
		t.Errorf("with credentials pods pull with %q", got)
	}
}
