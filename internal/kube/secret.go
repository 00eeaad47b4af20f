package kube

import (
	"cmp"
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// secretTTL is how long a Secret's data is kept: a rotated credential is
// used at most this long after it was replaced.
const secretTTL = 10 * time.Second

// maxSecrets bounds the cache.
const maxSecrets = 4096

// Secrets reads the Secrets of organizations' namespaces. It is safe for
// concurrent use. It keeps data for secretTTL, so that neither a flood of
// deliveries nor a thousand syncs turn into as many reads.
type Secrets struct {
	reader client.Reader
	kept   *cache.LRUExpireCache // types.NamespacedName → map[string][]byte
}

// clock is a function that tells the time, as the cache wants it.
type clock func() time.Time

// Now returns the time.
func (c clock) Now() time.Time { return c() }

// NewSecrets returns a reader of Secrets that asks the API server through
// reader.
func NewSecrets(reader client.Reader, now func() time.Time) *Secrets {
	return &Secrets{reader: reader, kept: cache.NewLRUExpireCacheWithClock(maxSecrets, clock(now))}
}

// Data returns the data of the named Secret. The error of one that is missing
// has the code NotFound and says which.
func (s *Secrets) Data(ctx context.Context, name types.NamespacedName) (map[string][]byte, error) {
	if data, fresh := s.kept.Get(name); fresh {
		return data.(map[string][]byte), nil
	}
	var secret corev1.Secret
	err := s.reader.Get(ctx, name, &secret)
	if apierrors.IsNotFound(err) {
		return nil, fault.Wrap(fault.NotFound, err, "Secret %s does not exist; create it, or name another", name)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "Secret %s could not be read", name)
	}
	s.kept.Add(name, secret.Data, secretTTL)
	return secret.Data, nil
}

// Authority returns the certificate authorities that an object names, in PEM; none for
// nil.
func (s *Secrets) Authority(ctx context.Context, namespace string, ref *v1alpha1.CertificateAuthority) ([]byte, error) {
	switch {
	case ref == nil:
		return nil, nil
	case ref.Secret != "":
		return s.Value(ctx, namespace, v1alpha1.SecretKey{Name: ref.Secret, Key: ref.Key}, authorityKey)
	}
	name := types.NamespacedName{Namespace: namespace, Name: ref.ConfigMap}
	var found corev1.ConfigMap
	err := s.reader.Get(ctx, name, &found)
	if apierrors.IsNotFound(err) {
		return nil, fault.Wrap(fault.NotFound, err, "ConfigMap %s with a certificate authority does not exist; create it, or name another", name)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "ConfigMap %s could not be read", name)
	}
	key := cmp.Or(ref.Key, authorityKey)
	if found.Data[key] == "" {
		return nil, fault.New(fault.NotFound, "ConfigMap %s has no value under key %q; add it", name, key)
	}
	return []byte(found.Data[key]), nil
}

// authorityKey is where certificate authorities are unless another key is named.
const authorityKey = "ca.crt"

// Value returns the value of one key of a Secret in a namespace; fallback is
// the key when the reference names none.
func (s *Secrets) Value(ctx context.Context, namespace string, ref v1alpha1.SecretKey, fallback string) ([]byte, error) {
	key := ref.Key
	if key == "" {
		key = fallback
	}
	name := types.NamespacedName{Namespace: namespace, Name: ref.Name}
	data, err := s.Data(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(data[key]) == 0 {
		return nil, fault.New(fault.NotFound, "Secret %s has no value under key %q; add it", name, key)
	}
	return data[key], nil
}
