package tenancy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// fieldManager owns the fields that this package writes.
const fieldManager = "slipway-tenancy"

// repairAfter is how long it is believed that a namespace still is as it was
// made.
const repairAfter = 5 * time.Minute

// NamespaceApplier makes namespaces on one cluster and remembers which are as they
// should be, so that an unchanged one costs no request. It is safe for
// concurrent use.
type NamespaceApplier struct {
	client client.Client
	now    func() time.Time

	mu   sync.Mutex
	made map[string]made
}

type made struct {
	digest  string
	expires time.Time
}

// NewNamespaceApplier returns a keeper that writes with the client's identity.
func NewNamespaceApplier(c client.Client, now func() time.Time) *NamespaceApplier {
	return &NamespaceApplier{client: c, now: now, made: map[string]made{}}
}

// Ensure makes a namespace and the objects in it what they should be. A
// namespace of that name which belongs to somebody else is refused.
func (k *NamespaceApplier) Ensure(ctx context.Context, namespace *corev1.Namespace, objects []client.Object) error {
	digest, err := digestOf(namespace, objects)
	if err != nil {
		return err
	}
	if k.fresh(namespace.Name, digest) {
		return nil
	}
	if err := k.claim(ctx, namespace); err != nil {
		return err
	}
	if err := k.applyAll(ctx, objects); err != nil {
		return err
	}
	k.remember(namespace.Name, digest)
	return nil
}

// claim creates or changes the namespace when it is ours or nobody's.
func (k *NamespaceApplier) claim(ctx context.Context, wanted *corev1.Namespace) error {
	var existing corev1.Namespace
	err := k.client.Get(ctx, client.ObjectKey{Name: wanted.Name}, &existing)
	if err != nil && !apierrors.IsNotFound(err) {
		return unavailable(err, "read namespace "+wanted.Name)
	}
	if err == nil && !sameOwner(existing.Labels, wanted.Labels) {
		return fault.New(fault.Conflict, "namespace %s exists and is not Slipway's for this use; remove it, or give it the labels %v if it may be taken over", wanted.Name, ownerLabels(wanted.Labels))
	}
	if err == nil && !existing.DeletionTimestamp.IsZero() {
		return fault.New(fault.Unavailable, "namespace %s is still being deleted", wanted.Name)
	}
	return k.apply(ctx, wanted)
}

// ownerKeys are the labels that say whose a namespace is.
func ownerKeys() []string {
	return []string{naming.LabelManagedBy, naming.LabelOrganization, naming.LabelProject, naming.LabelStage}
}

func ownerLabels(labels map[string]string) map[string]string {
	owner := map[string]string{}
	for _, key := range ownerKeys() {
		if value, set := labels[key]; set {
			owner[key] = value
		}
	}
	return owner
}

func sameOwner(have, want map[string]string) bool {
	for _, key := range ownerKeys() {
		if have[key] != want[key] {
			return false
		}
	}
	return true
}

// applyAll applies objects at the same time; none depends on another.
func (k *NamespaceApplier) applyAll(ctx context.Context, objects []client.Object) error {
	errs := make([]error, len(objects))
	var group sync.WaitGroup
	for i, object := range objects {
		group.Go(func() { errs[i] = k.apply(ctx, object) })
	}
	group.Wait()
	return errors.Join(errs...)
}

func (k *NamespaceApplier) apply(ctx context.Context, object client.Object) error {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return fmt.Errorf("convert %s: %w", object.GetName(), err)
	}
	delete(fields, "status")
	config := client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: fields})
	if err := k.client.Apply(ctx, config, client.FieldOwner(fieldManager), client.ForceOwnership); err != nil {
		return unavailable(err, fmt.Sprintf("apply %s %s/%s", object.GetObjectKind().GroupVersionKind().Kind, object.GetNamespace(), object.GetName()))
	}
	return nil
}

// Delete deletes a namespace with all that is in it and reports whether it is
// gone. One that is not the owner's is left alone and counts as gone.
func (k *NamespaceApplier) Delete(ctx context.Context, name string, owner map[string]string) (gone bool, err error) {
	k.forget(name)
	var existing corev1.Namespace
	err = k.client.Get(ctx, client.ObjectKey{Name: name}, &existing)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, unavailable(err, "read namespace "+name)
	}
	if !sameOwner(existing.Labels, owner) {
		return true, nil
	}
	if !existing.DeletionTimestamp.IsZero() {
		return false, nil
	}
	err = k.client.Delete(ctx, &existing, client.Preconditions{UID: &existing.UID})
	if client.IgnoreNotFound(err) != nil {
		return false, unavailable(err, "delete namespace "+name)
	}
	return false, nil
}

func (k *NamespaceApplier) fresh(name, digest string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	known, found := k.made[name]
	return found && known.digest == digest && k.now().Before(known.expires)
}

func (k *NamespaceApplier) remember(name, digest string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.made[name] = made{digest: digest, expires: k.now().Add(repairAfter)}
}

func (k *NamespaceApplier) forget(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.made, name)
}

// digestOf changes when anything about the objects does.
func digestOf(namespace *corev1.Namespace, objects []client.Object) (string, error) {
	data, err := json.Marshal(append([]client.Object{namespace}, objects...))
	if err != nil {
		return "", fmt.Errorf("encode namespace %s: %w", namespace.Name, err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// unavailable codes what the API server answered.
func unavailable(err error, operation string) error {
	switch {
	case apierrors.IsForbidden(err) && apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return fault.Wrap(fault.Unavailable, err, "%s: the namespace is being deleted", operation)
	case apierrors.IsForbidden(err):
		return fault.Wrap(fault.Denied, err, "%s: Slipway may not; install the chart's roles again", operation)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return fault.Wrap(fault.Internal, err, "%s: the API server refuses it", operation)
	}
	return fault.Wrap(fault.Unavailable, err, "%s: the API server did not do it", operation)
}
