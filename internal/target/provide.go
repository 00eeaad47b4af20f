package target

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
)

// Provide implements release.Target. The Secrets are in no inventory: a password
// that was made up outlives the service that it was made for, and goes with
// the stage; sealed ones go when the project file no longer has them.
func (s *Target) Provide(ctx context.Context, secrets release.Secrets) error {
	if err := s.providePullSecret(ctx); err != nil {
		return err
	}
	if len(secrets.Made)+len(secrets.Sealed) == 0 {
		s.setSealed(secrets.Sealed)
		return nil
	}
	api, err := s.secretsAPI()
	if err != nil {
		return err
	}
	for _, secret := range secrets.Made {
		if err := s.provide(ctx, api, secret); err != nil {
			return fault.Wrap(fault.Unavailable, err, "Secret %s of service %s could not be made", secret.Name, secret.Service)
		}
	}
	return s.provideSealed(ctx, api, secrets.Sealed)
}

// providePullSecret puts the registry's pull credentials into the stage.
func (s *Target) providePullSecret(ctx context.Context) error {
	var config []byte
	if ref := s.cluster.Spec.Registry.PullCredentials; ref != nil {
		var err error
		if config, err = s.targets.clusters.Secrets.Value(ctx, s.cluster.Namespace, *ref, corev1.DockerConfigJsonKey); err != nil {
			return err
		}
	}
	return s.connection.Namespaces.EnsurePullSecret(ctx, s.secretsAPI, s.tenant(), config)
}

// provide makes one Secret, or adds the values that it lacks.
func (s *Target) provide(ctx context.Context, api typedv1.SecretInterface, wanted render.Secret) error {
	existing, err := api.Get(ctx, wanted.Name, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return fmt.Errorf("read: %w", err)
	}
	data, err := wanted.Fill(existing.Data, rand.Reader)
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	if missing {
		labels := maps.Clone(s.tenant().Labels())
		labels[naming.LabelService] = wanted.Service
		made := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: wanted.Name, Labels: labels}, Data: data}
		_, err = api.Create(ctx, made, metav1.CreateOptions{})
		return err
	}
	if len(data) == len(existing.Data) {
		return nil
	}
	existing.Data = data
	_, err = api.Update(ctx, existing, metav1.UpdateOptions{})
	return err
}
