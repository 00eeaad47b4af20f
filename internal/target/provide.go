package target

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/tenancy"
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
			return secretFault(err, secret)
		}
	}
	return s.provideSealed(ctx, api, secrets.Sealed)
}

// secretFault says which Secret could not be made.
func secretFault(err error, secret render.Secret) error {
	if fault.CodeOf(err) == fault.Conflict {
		return fault.Wrap(fault.Conflict, err, "Secret %s of service %s: %s", secret.Name, secret.Service, fault.MessageOf(err))
	}
	return fault.Wrap(fault.Unavailable, err, "Secret %s of service %s could not be made", secret.Name, secret.Service)
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

// marker tells the Secrets that Slipway made from those of others.
func (s *Target) marker() *tenancy.Marker { return s.targets.clusters.Marker }

// missingKeys lists the keys that a Secret lacks.
func missingKeys(have, want map[string][]byte) string {
	var missing []string
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if _, there := have[key]; !there {
			missing = append(missing, key)
		}
	}
	return strings.Join(missing, ", ")
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
		return s.marker().CreateSecret(ctx, api, s.stage.Spec.Namespace, made)
	}
	if len(data) == len(existing.Data) {
		return nil // complete, whoever made it
	}
	if !s.marker().Owns(existing, s.tenant().Labels()) {
		return fault.New(fault.Conflict, "a Secret of this name is in namespace %s that Slipway did not make, and it lacks %s; add them there, or delete it", s.stage.Spec.Namespace, missingKeys(existing.Data, data))
	}
	existing.Data = data
	s.marker().Mark(existing)
	_, err = api.Update(ctx, existing, metav1.UpdateOptions{})
	return err
}
