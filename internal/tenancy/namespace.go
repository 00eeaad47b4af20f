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
	"k8s.io/apimachinery/pkg/util/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
)

// fieldManager owns the fields that this package writes.
const fieldManager = "slipway-tenancy"

// repairAfter is how long a namespace is taken to be as it was applied.
const repairAfter = 5 * time.Minute

// maxRemembered bounds what is remembered: some entries for each of the
// namespaces of a large cluster.
const maxRemembered = 1 << 16

// NamespaceApplier applies namespaces, and what stages need in them, on one
// cluster. It remembers which are as they should be, so that an unchanged one
// costs no request. It is safe for concurrent use.
type NamespaceApplier struct {
	client  client.Client
	applied *cache.LRUExpireCache // digest by namespace, or by namespace/Secret
}

// NewNamespaceApplier returns an applier that writes with the client's identity.
func NewNamespaceApplier(c client.Client, now func() time.Time) *NamespaceApplier {
	return &NamespaceApplier{client: c, applied: cache.NewLRUExpireCacheWithClock(maxRemembered, clock(now))}
}

// clock makes a function what the cache asks for the time.
type clock func() time.Time

// Now returns the time.
func (c clock) Now() time.Time { return c() }

// Ensure makes a namespace and the objects in it what they should be. A
// namespace of that name which belongs to somebody else is refused.
func (a *NamespaceApplier) Ensure(ctx context.Context, namespace *corev1.Namespace, objects []client.Object) error {
	digest, err := digestOf(namespace, objects)
	if err != nil {
		return err
	}
	if a.isApplied(namespace.Name, digest) {
		return nil
	}
	if err := a.ensureNamespace(ctx, namespace); err != nil {
		return err
	}
	if err := a.applyAll(ctx, objects); err != nil {
		return err
	}
	if err := a.awaitQuotas(ctx, objects); err != nil {
		return err
	}
	a.remember(namespace.Name, digest)
	return nil
}

// ensureNamespace creates or changes the namespace when it is ours or nobody's.
func (a *NamespaceApplier) ensureNamespace(ctx context.Context, wanted *corev1.Namespace) error {
	var existing corev1.Namespace
	err := a.client.Get(ctx, client.ObjectKey{Name: wanted.Name}, &existing)
	if err != nil && !apierrors.IsNotFound(err) {
		return applyFault(err, "read namespace "+wanted.Name)
	}
	if err == nil && !sameOwner(existing.Labels, wanted.Labels) {
		return fault.New(fault.Conflict, "namespace %s exists and is not Slipway's for this use; remove it, or give it the labels %v if it may be taken over", wanted.Name, ownerLabels(wanted.Labels))
	}
	if err == nil && !existing.DeletionTimestamp.IsZero() {
		return fault.New(fault.Unavailable, "namespace %s is still being deleted", wanted.Name)
	}
	return a.apply(ctx, wanted)
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
func (a *NamespaceApplier) applyAll(ctx context.Context, objects []client.Object) error {
	errs := make([]error, len(objects))
	var group sync.WaitGroup
	for i, object := range objects {
		group.Go(func() { errs[i] = a.apply(ctx, object) })
	}
	group.Wait()
	return errors.Join(errs...)
}

func (a *NamespaceApplier) apply(ctx context.Context, object client.Object) error {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return fmt.Errorf("convert %s: %w", object.GetName(), err)
	}
	delete(fields, "status")
	config := client.ApplyConfigurationFromUnstructured(&unstructured.Unstructured{Object: fields})
	if err := a.client.Apply(ctx, config, client.FieldOwner(fieldManager), client.ForceOwnership); err != nil {
		return applyFault(err, fmt.Sprintf("apply %s %s/%s", object.GetObjectKind().GroupVersionKind().Kind, object.GetNamespace(), object.GetName()))
	}
	return nil
}

// Delete deletes a namespace with all that is in it and reports whether it is
// gone. One that is not the owner's is left alone and counts as gone.
func (a *NamespaceApplier) Delete(ctx context.Context, name string, owner map[string]string) (gone bool, err error) {
	a.forget(name)
	var existing corev1.Namespace
	err = a.client.Get(ctx, client.ObjectKey{Name: name}, &existing)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, applyFault(err, "read namespace "+name)
	}
	if !sameOwner(existing.Labels, owner) {
		return true, nil
	}
	if !existing.DeletionTimestamp.IsZero() {
		return false, nil
	}
	err = a.client.Delete(ctx, &existing, client.Preconditions{UID: &existing.UID})
	if client.IgnoreNotFound(err) != nil {
		return false, applyFault(err, "delete namespace "+name)
	}
	return false, nil
}

// isApplied reports whether what goes by a key was applied lately and has this
// digest.
func (a *NamespaceApplier) isApplied(key, digest string) bool {
	known, found := a.applied.Get(key)
	return found && known == digest
}

func (a *NamespaceApplier) remember(key, digest string) { a.applied.Add(key, digest, repairAfter) }

func (a *NamespaceApplier) forget(namespace string) {
	a.applied.Remove(namespace)
	a.applied.Remove(pullSecretKey(namespace))
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

// applyFault gives an error of the API server a code and says what to do. What
// another attempt may mend is Unavailable.
func applyFault(err error, operation string) error {
	code := kube.CodeOf(err)
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return fault.Wrap(fault.Unavailable, err, "%s: the namespace is being deleted", operation)
	case code == fault.Denied && !apierrors.IsUnauthorized(err):
		return fault.Wrap(fault.Denied, err, "%s: Slipway may not; install the chart's roles again", operation)
	case code == fault.Invalid:
		return fault.Wrap(fault.Internal, err, "%s: the API server refuses it", operation)
	}
	return fault.Wrap(fault.Unavailable, err, "%s: the API server did not do it", operation)
}
