package target

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/seal"
)

// provideSealed brings the stage's Secrets to the sealed values. All are
// opened before the first is written. A fork gets none, whatever is asked for.
func (s *Target) provideSealed(ctx context.Context, api typedv1.SecretInterface, sealed project.Sealed) error {
	if s.stage.Spec.Fork {
		return nil
	}
	opened, err := s.open(ctx, sealed)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(opened)) {
		if err := s.writeSealed(ctx, api, name, opened[name]); err != nil {
			return err
		}
	}
	s.setSealed(sealed)
	return nil
}

// setSealed notes which sealed values the stage is to hold.
func (s *Target) setSealed(sealed project.Sealed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = &sealed
}

// open decrypts sealed values.
func (s *Target) open(ctx context.Context, sealed project.Sealed) (map[string]map[string][]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	identities, err := s.targets.identities.Of(ctx, s.stage.Namespace, s.owner.Project)
	if err != nil {
		return nil, err
	}
	opened := make(map[string]map[string][]byte, len(sealed))
	for _, name := range slices.Sorted(maps.Keys(sealed)) {
		opened[name] = make(map[string][]byte, len(sealed[name]))
		for _, key := range slices.Sorted(maps.Keys(sealed[name])) {
			if opened[name][key], err = seal.Open(identities, sealed[name][key]); err != nil {
				return nil, fault.Wrap(fault.CodeOf(err), err, "%s: sealed.%s.%s: %s", project.FileName, name, key, fault.MessageOf(err))
			}
		}
	}
	return opened, nil
}

// writeSealed makes one Secret, or replaces what it holds. A Secret that
// somebody else made is left alone.
func (s *Target) writeSealed(ctx context.Context, api typedv1.SecretInterface, name string, data map[string][]byte) error {
	existing, err := api.Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		labels := maps.Clone(s.tenant().Labels())
		labels[naming.LabelSealed] = "true"
		made := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Data: data}
		err = s.marker().CreateSecret(ctx, api, s.stage.Spec.Namespace, made)
	case err != nil:
	case !s.isSealed(existing):
		return fault.New(fault.Conflict, "%s: sealed.%s: a Secret of this name is in namespace %s that was not made from sealed values; delete it there, or choose another name", project.FileName, name, s.stage.Spec.Namespace)
	case reflect.DeepEqual(existing.Data, data) && s.marker().IsMarked(existing):
	default:
		existing.Data = data
		s.marker().Mark(existing)
		_, err = api.Update(ctx, existing, metav1.UpdateOptions{})
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the sealed Secret %s could not be written", name)
	}
	return nil
}

// isSealed reports whether Slipway made a Secret of the stage from sealed values.
func (s *Target) isSealed(secret *corev1.Secret) bool {
	return secret.Labels[naming.LabelSealed] != "" && s.marker().Owns(secret, s.tenant().Labels())
}

// sweepSealed deletes Secrets whose sealed values are no longer in the project
// file. It needs to know those that are, from this run of the release, and
// does not look where it knows that there never were any.
func (s *Target) sweepSealed(ctx context.Context) (int32, error) {
	s.mu.Lock()
	wanted := s.sealed
	s.mu.Unlock()
	if wanted == nil || len(*wanted) == 0 && s.targets.isUnsealed(s.stage.Spec.Namespace) {
		return 0, nil
	}
	api, err := s.secretsAPI()
	if err != nil {
		return 0, err
	}
	found, err := api.List(ctx, metav1.ListOptions{LabelSelector: naming.LabelSealed})
	if err != nil {
		return 0, fault.Wrap(fault.Unavailable, err, "the sealed Secrets of namespace %s could not be listed", s.stage.Spec.Namespace)
	}
	var deleted int32
	for _, secret := range found.Items {
		if _, keep := (*wanted)[secret.Name]; keep || !s.isSealed(&secret) {
			continue
		}
		same := metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(secret.UID))}
		if err := api.Delete(ctx, secret.Name, same); err != nil && !apierrors.IsNotFound(err) {
			return deleted, fault.Wrap(fault.Unavailable, err, "Secret %s, which nothing seals any more, could not be deleted", secret.Name)
		}
		deleted++
	}
	s.targets.setUnsealed(s.stage.Spec.Namespace, len(*wanted) == 0)
	return deleted, nil
}

// secretsAPI writes the stage's Secrets as the stage's own account.
func (s *Target) secretsAPI() (typedv1.SecretInterface, error) {
	clientset, err := typedv1.NewForConfig(stageConfig(s.connection, s.stage.Spec.Namespace))
	if err != nil {
		return nil, fmt.Errorf("make client of stage %s: %w", s.stage.Name, err)
	}
	return clientset.Secrets(s.stage.Spec.Namespace), nil
}
