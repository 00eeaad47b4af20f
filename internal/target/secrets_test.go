package target

import (
	"bytes"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/cluster"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

const stageNamespace = "sw-acme-shop-dev"

// stageOfTests is a stage's place whose server has a key.
func stageOfTests(t *testing.T, key string) *Target {
	t.Helper()
	marker, err := tenancy.NewMarker(bytes.Repeat([]byte(key), 32), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &Target{
		targets: &Targets{clusters: &cluster.Clusters{Marker: marker}},
		stage:   &v1alpha1.Stage{Spec: v1alpha1.StageSpec{Namespace: stageNamespace}},
		project: &v1alpha1.Project{}, cluster: &v1alpha1.Cluster{},
		owner: inventory.Owner{Organization: "acme", Project: "shop", Stage: "dev"},
	}
}

// secretOf returns a Secret as a server made it, with the UID that it has now: another
// than "1" is that of another object, onto which all was copied.
func secretOf(s *Target, name string, uid types.UID, data map[string][]byte) *corev1.Secret {
	labels := s.tenant().Labels()
	labels[naming.LabelSealed] = "true"
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: stageNamespace, Name: name, UID: "1", Labels: labels}, Data: data}
	s.marker().Mark(secret)
	secret.UID = uid
	return secret
}

// Only Secrets that this server made are written or deleted, whatever those of others
// carry.
func TestSecretsOfOthers(t *testing.T) {
	own, other := stageOfTests(t, "k"), stageOfTests(t, "x")
	old := map[string][]byte{"KEY": []byte("old")}
	tests := map[string]struct {
		secret *corev1.Secret // nil for none
		own    bool
	}{
		"none":              {nil, true},
		"its own":           {secretOf(own, "stripe", "1", old), true},
		"copied":            {secretOf(own, "stripe", "2", old), false},
		"of another server": {secretOf(other, "stripe", "1", old), false},
		"only labelled": {&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: stageNamespace, Name: "stripe", Labels: map[string]string{
			naming.LabelSealed: "true", naming.LabelManagedBy: naming.ManagedBy,
		}}, Data: old}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var objects []runtime.Object
			if tt.secret != nil {
				objects = append(objects, tt.secret.DeepCopy())
			}
			api := fake.NewClientset(objects...).CoreV1().Secrets(stageNamespace)
			held := func() string {
				found, err := api.Get(t.Context(), "stripe", metav1.GetOptions{})
				if apierrors.IsNotFound(err) {
					return ""
				}
				return string(found.Data["KEY"])
			}
			wanted := fault.Conflict
			if tt.own {
				wanted = ""
			}
			if err := own.writeSealed(t.Context(), api, "stripe", map[string][]byte{"KEY": []byte("new")}); fault.CodeOf(err) != wanted {
				t.Errorf("sealed: %v, want %q", err, wanted)
			}
			if now := held(); (now == "new") != tt.own {
				t.Errorf("it holds %q", now)
			}
			needed := render.Secret{Name: "stripe", Service: "db", Values: map[string]source.SecretValue{"KEY": {Random: 8}}}
			if err := own.provide(t.Context(), api, needed); err != nil {
				t.Errorf("a complete one: %v", err)
			}
			needed.Values["MORE"] = source.SecretValue{Random: 8}
			err := own.provide(t.Context(), api, needed)
			if fault.CodeOf(err) != wanted || err != nil && !strings.Contains(err.Error(), "it lacks MORE") {
				t.Errorf("one that lacks a value: %v, want %q", err, wanted)
			}
		})
	}
}

// A fork's preview holds no sealed value, whatever the project file has.
func TestForksGetNoSealedValues(t *testing.T) {
	s := stageOfTests(t, "k")
	s.stage.Spec.PullRequest, s.stage.Spec.Fork = 7, true
	set := fake.NewClientset()
	if err := s.provideSealed(t.Context(), set.CoreV1().Secrets(stageNamespace), map[string]map[string]string{"stripe": {"KEY": "sealed"}}); err != nil {
		t.Fatal(err)
	}
	if actions := set.Actions(); len(actions) != 0 {
		t.Errorf("it asked for %v", actions)
	}
}
