package bundle

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// SecretType is the type of the Secrets that hold bundles.
const SecretType corev1.SecretType = "slipway.dev/bundle"

// Limits of a bundle.
const (
	// MaxManifests is how large manifests may be, in bytes.
	MaxManifests = 64 << 20
	// MaxCompressed leaves room in an object of at most 1 MiB.
	MaxCompressed = 960 << 10
	// DefaultKeep is how many bundles a stage keeps.
	DefaultKeep = 10
)

// The keys of a bundle.
const (
	manifestsKey   = "manifests.yaml.gz"
	fingerprintKey = "fingerprint.json.gz"
)

// labelStage says whose bundle a Secret is. Nothing else has it, so that
// pruning never takes another Secret for a bundle.
const labelStage = "slipway.dev/bundle-of"

// Stage is whose bundles are meant.
type Stage struct {
	// Namespace is the organization's.
	Namespace string
	// Object is the name of the Stage object.
	Object string
	// Labels go on every bundle.
	Labels map[string]string
}

func (s Stage) labels() map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, s.Labels)
	maps.Copy(labels, s.own())
	return labels
}

// own is what the stage's bundles are found by.
func (s Stage) own() map[string]string {
	return map[string]string{labelStage: naming.LabelValue(s.Object)}
}

// Store keeps bundles on the control cluster. It is safe for concurrent use.
type Store struct {
	client client.Client
}

// NewStore returns a store that writes through a client with the server's own
// identity.
func NewStore(c client.Client) *Store { return &Store{client: c} }

// Put keeps manifests, with the encoded fingerprint of what they were made from,
// empty when that isn't known. It returns the bundle's name and the manifests'
// digest (sha256:…). Keeping the same again changes nothing.
func (s *Store) Put(ctx context.Context, stage Stage, manifests, fingerprint []byte) (name, digest string, err error) {
	compressed, err := compress(manifests)
	if err != nil {
		return "", "", err
	}
	digest = digestOf(manifests)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name:      naming.Bundle(stage.Object, nameDigest(digest, fingerprint)),
			Namespace: stage.Namespace,
			Labels:    stage.labels(),
		},
		Type:      SecretType,
		Immutable: new(bool),
		Data:      map[string][]byte{manifestsKey: compressed},
	}
	*secret.Immutable = true
	if len(fingerprint) > 0 {
		secret.Data[fingerprintKey] = fingerprint
	}
	if err := s.client.Create(ctx, secret); err != nil && !apierrors.IsAlreadyExists(err) {
		return "", "", fault.Wrap(fault.Unavailable, err, "the bundle %s could not be kept", secret.Name)
	}
	return secret.Name, digest, nil
}

// nameDigest returns what a bundle is named after: equal manifests that were made
// from something else are another bundle.
func nameDigest(digest string, fingerprint []byte) string {
	if len(fingerprint) == 0 {
		return digest
	}
	return digestOf([]byte(digest + digestOf(fingerprint)))
}

// Get returns the manifests of a bundle, checked against their digest.
func (s *Store) Get(ctx context.Context, stage Stage, name, digest string) ([]byte, error) {
	data, err := s.read(ctx, stage, name)
	if err != nil {
		return nil, err
	}
	manifests, err := decompress(data[manifestsKey])
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the bundle %s is damaged; deploy the commit again", name)
	}
	if got := digestOf(manifests); got != digest {
		return nil, fault.New(fault.Internal, "the bundle %s holds %s, not %s as it was kept; deploy the commit again", name, got, digest)
	}
	return manifests, nil
}

// Fingerprint returns the encoded fingerprint of what a bundle was made from, empty
// when that isn't known.
func (s *Store) Fingerprint(ctx context.Context, stage Stage, name string) ([]byte, error) {
	data, err := s.read(ctx, stage, name)
	return data[fingerprintKey], err
}

// read returns the data of a bundle.
func (s *Store) read(ctx context.Context, stage Stage, name string) (map[string][]byte, error) {
	var secret corev1.Secret
	err := s.client.Get(ctx, client.ObjectKey{Namespace: stage.Namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return nil, fault.Wrap(fault.NotFound, err, "the bundle %s is gone; deploy the commit again", name)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the bundle %s could not be read", name)
	}
	return secret.Data, nil
}

// Prune deletes the stage's oldest bundles beyond keep, never one in use.
func (s *Store) Prune(ctx context.Context, stage Stage, keep int, used []string) error {
	var all metav1.PartialObjectMetadataList
	all.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
	err := s.client.List(ctx, &all, client.InNamespace(stage.Namespace), client.MatchingLabels(stage.own()))
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the bundles of %s could not be listed", stage.Object)
	}
	slices.SortFunc(all.Items, func(a, b metav1.PartialObjectMetadata) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	for i := max(keep, 0); i < len(all.Items); i++ {
		if slices.Contains(used, all.Items[i].Name) {
			continue
		}
		if err := client.IgnoreNotFound(s.client.Delete(ctx, &all.Items[i])); err != nil {
			return fault.Wrap(fault.Unavailable, err, "the bundle %s could not be deleted", all.Items[i].Name)
		}
	}
	return nil
}

func digestOf(manifests []byte) string {
	sum := sha256.Sum256(manifests)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// compress refuses manifests that don't fit an object.
func compress(manifests []byte) ([]byte, error) {
	if len(manifests) > MaxManifests {
		return nil, fault.New(fault.Invalid, "the rendered manifests have %d MiB, more than %d; split the stage", len(manifests)>>20, MaxManifests>>20)
	}
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	if _, err := writer.Write(manifests); err != nil {
		return nil, fmt.Errorf("compress manifests: %w", err)
	}
	if err := writer.Close(); err != nil {
		return nil, fmt.Errorf("compress manifests: %w", err)
	}
	if out.Len() > MaxCompressed {
		return nil, fault.New(fault.Invalid, "the rendered manifests have %d KiB when compressed, more than the %d that fit into one object; split the stage", out.Len()>>10, MaxCompressed>>10)
	}
	return out.Bytes(), nil
}

func decompress(compressed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, fmt.Errorf("decompress manifests: %w", err)
	}
	manifests, err := io.ReadAll(io.LimitReader(reader, MaxManifests+1))
	if err != nil {
		return nil, fmt.Errorf("decompress manifests: %w", err)
	}
	if len(manifests) > MaxManifests {
		return nil, fmt.Errorf("decompress manifests: more than %d MiB", MaxManifests>>20)
	}
	return manifests, nil
}
