package bundle

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/fault"
)

// secrets is a client that keeps Secrets in memory. Each is a second younger
// than the one before.
type secrets struct {
	client.Client
	kept map[string]*corev1.Secret
	down error
}

func (s *secrets) missing(name string) error {
	return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
}

func (s *secrets) Create(_ context.Context, object client.Object, _ ...client.CreateOption) error {
	if s.down != nil {
		return s.down
	}
	secret := object.(*corev1.Secret)
	if s.kept[secret.Name] != nil {
		return apierrors.NewAlreadyExists(schema.GroupResource{Resource: "secrets"}, secret.Name)
	}
	secret = secret.DeepCopy()
	secret.CreationTimestamp = metav1.NewTime(time.Unix(int64(len(s.kept)), 0))
	s.kept[secret.Name] = secret
	return nil
}

func (s *secrets) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	if s.down != nil {
		return s.down
	}
	secret := s.kept[key.Name]
	if secret == nil || secret.Namespace != key.Namespace {
		return s.missing(key.Name)
	}
	secret.DeepCopyInto(into.(*corev1.Secret))
	return nil
}

func (s *secrets) List(_ context.Context, into client.ObjectList, options ...client.ListOption) error {
	if s.down != nil {
		return s.down
	}
	var chosen client.ListOptions
	chosen.ApplyOptions(options)
	all := into.(*metav1.PartialObjectMetadataList)
	for _, secret := range s.kept {
		if secret.Namespace == chosen.Namespace && chosen.LabelSelector.Matches(labels.Set(secret.Labels)) {
			all.Items = append(all.Items, metav1.PartialObjectMetadata{ObjectMeta: secret.ObjectMeta})
		}
	}
	return nil
}

func (s *secrets) Delete(_ context.Context, object client.Object, _ ...client.DeleteOption) error {
	if s.kept[object.GetName()] == nil {
		return s.missing(object.GetName())
	}
	delete(s.kept, object.GetName())
	return nil
}

func newTestStore() (*Store, *secrets) {
	kept := &secrets{kept: map[string]*corev1.Secret{}}
	return NewStore(kept), kept
}

func testStage(name string) Stage {
	return Stage{Namespace: "slipway-org-acme", Object: name, Labels: map[string]string{"slipway.dev/project": "shop"}}
}

func put(t *testing.T, s *Store, stage Stage, manifests string) (name, digest string) {
	t.Helper()
	name, digest, err := s.Put(t.Context(), stage, []byte(manifests), nil)
	if err != nil {
		t.Fatal(err)
	}
	return name, digest
}

func TestPutTwiceIsOneObject(t *testing.T) {
	store, kept := newTestStore()
	stage := testStage("shop-dev")
	name, digest := put(t, store, stage, "kind: ConfigMap")
	again, sameDigest := put(t, store, stage, "kind: ConfigMap")
	if name != again || digest != sameDigest || len(kept.kept) != 1 {
		t.Errorf("%s %s, then %s %s; %d objects", name, digest, again, sameDigest, len(kept.kept))
	}
	secret := kept.kept[name]
	if secret.Type != SecretType || secret.Immutable == nil || !*secret.Immutable || secret.Labels["slipway.dev/project"] != "shop" {
		t.Errorf("the Secret is %+v", secret)
	}
	got, err := store.Get(t.Context(), stage, name, digest)
	if err != nil || string(got) != "kind: ConfigMap" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOtherManifestsOrStageIsAnotherObject(t *testing.T) {
	store, kept := newTestStore()
	put(t, store, testStage("shop-dev"), "a")
	put(t, store, testStage("shop-dev"), "b")
	put(t, store, testStage("shop-production"), "a")
	if len(kept.kept) != 3 {
		t.Errorf("%d objects, want 3", len(kept.kept))
	}
}

func TestGetRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*secrets, *corev1.Secret)
		want  fault.Code
	}{
		"gone":            {func(s *secrets, secret *corev1.Secret) { delete(s.kept, secret.Name) }, fault.NotFound},
		"other manifests": {func(_ *secrets, secret *corev1.Secret) { secret.Data[manifestsKey], _ = compress([]byte("b")) }, fault.Internal},
		"no archive":      {func(_ *secrets, secret *corev1.Secret) { secret.Data[manifestsKey] = []byte("a") }, fault.Internal},
		"cut short":       {func(_ *secrets, secret *corev1.Secret) { secret.Data[manifestsKey] = secret.Data[manifestsKey][:12] }, fault.Internal},
		"no data":         {func(_ *secrets, secret *corev1.Secret) { secret.Data = nil }, fault.Internal},
		"server down":     {func(s *secrets, _ *corev1.Secret) { s.down = apierrors.NewServiceUnavailable("down") }, fault.Unavailable},
		"archive bomb": {func(_ *secrets, secret *corev1.Secret) {
			bomb := bytes.Repeat([]byte{0}, MaxManifests+1)
			half, _ := compress(bomb[:MaxManifests])
			rest, _ := compress(bomb[:1])
			secret.Data[manifestsKey] = append(half, rest...)
		}, fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			store, kept := newTestStore()
			bundle, digest := put(t, store, testStage("shop-dev"), "a")
			tc.spoil(kept, kept.kept[bundle])
			got, err := store.Get(t.Context(), testStage("shop-dev"), bundle, digest)
			if fault.CodeOf(err) != tc.want || got != nil {
				t.Errorf("got %d bytes, %v; want code %s", len(got), err, tc.want)
			}
		})
	}
}

func TestPutRefuses(t *testing.T) {
	noise := make([]byte, MaxCompressed+100)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(noise)
	for name, tc := range map[string]struct {
		manifests []byte
		down      error
		want      fault.Code
	}{
		"too large":                 {make([]byte, MaxManifests+1), nil, fault.Invalid},
		"too large when compressed": {noise, nil, fault.Invalid},
		"server down":               {[]byte("a"), apierrors.NewServiceUnavailable("down"), fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			store, kept := newTestStore()
			kept.down = tc.down
			_, _, err := store.Put(t.Context(), testStage("shop-dev"), tc.manifests, nil)
			if fault.CodeOf(err) != tc.want || len(kept.kept) != 0 {
				t.Errorf("%v, %d objects; want code %s and none", err, len(kept.kept), tc.want)
			}
		})
	}
}

func TestPruneKeepsTheYoungestAndUsed(t *testing.T) {
	store, kept := newTestStore()
	stage := testStage("shop-dev")
	var names []string
	for _, manifests := range []string{"a", "b", "c", "d", "e"} {
		name, _ := put(t, store, stage, manifests)
		names = append(names, name)
	}
	other, _ := put(t, store, testStage("shop-production"), "a")
	kept.kept["password"] = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "password", Namespace: stage.Namespace, Labels: stage.Labels}}
	if err := store.Prune(t.Context(), stage, 2, []string{names[1]}); err != nil {
		t.Fatal(err)
	}
	var left []string
	for name := range kept.kept {
		left = append(left, name)
	}
	want := []string{names[1], names[3], names[4], other, "password"}
	slices.Sort(left)
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left are\n%s\nwant\n%s", strings.Join(left, "\n"), strings.Join(want, "\n"))
	}
	if err := store.Prune(t.Context(), stage, -1, nil); err != nil || len(kept.kept) != 2 {
		t.Errorf("%d left, %v; want another stage's bundle and the password", len(kept.kept), err)
	}
}

func TestPruneIsRetriedWhenTheServerIsDown(t *testing.T) {
	store, kept := newTestStore()
	kept.down = apierrors.NewServiceUnavailable("down")
	if err := store.Prune(t.Context(), testStage("shop-dev"), 1, nil); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}
