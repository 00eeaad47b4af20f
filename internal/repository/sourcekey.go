package repository

import (
	"context"
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/naming"
)

// sourceKeyName is the Secret in Slipway's namespace with the key that signs
// the tokens of builds, and what Slipway makes on clusters. All replicas share it; it
// is made once.
const sourceKeyName = "slipway-source-key"

// ServerKey returns the key that all replicas share in a Secret of namespace,
// Slipway's own.
func ServerKey(ctx context.Context, reader client.Reader, writer client.Client, namespace string) ([]byte, error) {
	name := client.ObjectKey{Namespace: namespace, Name: sourceKeyName}
	var secret corev1.Secret
	err := reader.Get(ctx, name, &secret)
	if apierrors.IsNotFound(err) {
		if err = createSourceKey(ctx, writer, name); err == nil {
			err = reader.Get(ctx, name, &secret)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read Secret %s: %w", name, err)
	}
	return secret.Data["key"], nil
}

// createSourceKey makes the key, unless another replica was first.
func createSourceKey(ctx context.Context, writer client.Client, name client.ObjectKey) error {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	err := writer.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name.Name, Namespace: name.Namespace, Labels: map[string]string{naming.LabelManagedBy: naming.ManagedBy}},
		Data:       map[string][]byte{"key": key},
	})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create: %w", err)
	}
	return nil
}
