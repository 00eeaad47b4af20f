package tenancy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// PullSecretOf returns the name of the Secret that the pods of a cluster's
// stages pull images with; empty when its nodes pull without.
func PullSecretOf(registry v1alpha1.Registry) string {
	if registry.PullCredentials == nil {
		return ""
	}
	return naming.PullSecret
}

// NewPullSecret returns the Secret with a Docker configuration file.
func NewPullSecret(s Stage, config []byte) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: s.meta(naming.PullSecret),
		Type:       corev1.SecretTypeDockerConfigJson,
		Data:       map[string][]byte{corev1.DockerConfigJsonKey: config},
	}
}

// EnsurePullSecret makes the stage's Secret hold a Docker configuration file,
// or deletes it when there is none any more. Secrets are written by the stage's
// own account: api is asked for when there is something to look at. A Secret of
// that name which belongs to somebody else is refused.
func (a *NamespaceApplier) EnsurePullSecret(ctx context.Context, api func() (typedv1.SecretInterface, error), s Stage, config []byte) error {
	sum := sha256.Sum256(config)
	key, digest := pullSecretKey(s.Namespace), hex.EncodeToString(sum[:])
	if a.isApplied(key, digest) {
		return nil
	}
	secrets, err := api()
	if err != nil {
		return err
	}
	if err := a.ensurePullSecret(ctx, secrets, NewPullSecret(s, config)); err != nil {
		return err
	}
	a.remember(key, digest)
	return nil
}

func pullSecretKey(namespace string) string { return namespace + "/" + naming.PullSecret }

func (a *NamespaceApplier) ensurePullSecret(ctx context.Context, api typedv1.SecretInterface, wanted *corev1.Secret) error {
	config := wanted.Data[corev1.DockerConfigJsonKey]
	existing, err := api.Get(ctx, wanted.Name, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return pullFault(err, wanted)
	}
	missing, own := err != nil, err == nil && a.marker.Owns(existing, wanted.Labels)
	switch {
	case len(config) == 0 && !own:
		return nil
	case len(config) == 0:
		err = api.Delete(ctx, wanted.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(existing.UID))})
		if apierrors.IsNotFound(err) {
			return nil
		}
	case missing:
		err = a.marker.CreateSecret(ctx, api, wanted.Namespace, wanted)
	case !own:
		return fault.New(fault.Conflict, "the Secret %s in namespace %s is not Slipway's, which puts the registry's pull credentials there; remove it", wanted.Name, wanted.Namespace)
	case !bytes.Equal(existing.Data[corev1.DockerConfigJsonKey], config) || !a.marker.IsMarked(existing):
		existing.Data = wanted.Data
		a.marker.Mark(existing)
		_, err = api.Update(ctx, existing, metav1.UpdateOptions{})
	}
	return pullFault(err, wanted)
}

// pullFault says what became of writing the Secret; nil stays nil.
func pullFault(err error, secret *corev1.Secret) error {
	if err == nil {
		return nil
	}
	if apierrors.IsInvalid(err) {
		return fault.Wrap(fault.Invalid, err, "the cluster's registry.pullCredentials hold no Docker configuration file; make their Secret with: kubectl create secret docker-registry")
	}
	return applyFault(err, "write Secret "+secret.Namespace+"/"+secret.Name)
}
