package tenancy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
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
	marker  *Marker
	adopted []types.UID
	applied *cache.LRUExpireCache // digest by namespace, or by namespace/Secret
}

// NewNamespaceApplier returns an applier that writes with the client's identity.
func NewNamespaceApplier(c client.Client, marker *Marker, now func() time.Time) *NamespaceApplier {
	return &NamespaceApplier{client: c, marker: marker, applied: cache.NewLRUExpireCacheWithClock(maxRemembered, clock(now))}
}

// Adopting returns an applier with the same memory to which namespaces belong that
// Slipway did not make, by UID.
func (a *NamespaceApplier) Adopting(namespaces []types.UID) *NamespaceApplier {
	adopting := *a
	adopting.adopted = namespaces
	return &adopting
}

// owns reports whether a namespace is Slipway's for the owner that labels name.
func (a *NamespaceApplier) owns(namespace *corev1.Namespace, owner map[string]string) bool {
	return a.marker.Owns(namespace, owner) || slices.Contains(a.adopted, namespace.UID)
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
	existing, err := a.read(ctx, wanted.Name)
	isNew := false
	if err == nil && existing == nil {
		existing, isNew, err = a.create(ctx, wanted)
	}
	switch {
	case err != nil:
		return err
	case existing == nil:
		return fault.New(fault.Unavailable, "namespace %s comes and goes", wanted.Name)
	case !isNew && !a.owns(existing, wanted.Labels):
		return fault.New(fault.Conflict, "namespace %s exists and was not made by this Slipway for this use, whatever its labels say; remove it with all that is in it, or add its UID %s to %s if it may be taken over",
			wanted.Name, existing.UID, adoptField(wanted))
	case !existing.DeletionTimestamp.IsZero():
		return fault.New(fault.Unavailable, "%s", Remains(existing))
	}
	wanted = wanted.DeepCopy()
	wanted.UID = existing.UID // the API server refuses it when another one has the name by now
	if mark, given := existing.Annotations[naming.AnnotationOwner]; given && !isNew && !a.marker.Owns(existing, wanted.Labels) {
		setMark(wanted, mark) // another Slipway's, which uses the namespace too
	} else {
		a.marker.Mark(wanted)
	}
	return a.apply(ctx, wanted)
}

// create makes a namespace that is marked as ours from the first moment on, and
// returns the one that is there when another replica or stage was faster.
func (a *NamespaceApplier) create(ctx context.Context, wanted *corev1.Namespace) (_ *corev1.Namespace, isNew bool, _ error) {
	made := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: wanted.Name, Labels: wanted.Labels}}
	a.marker.MarkNew(made)
	err := a.client.Create(ctx, made, client.FieldOwner(fieldManager))
	if apierrors.IsAlreadyExists(err) {
		existing, err := a.read(ctx, wanted.Name)
		return existing, false, err
	}
	if err != nil {
		return nil, false, applyFault(err, "create namespace "+wanted.Name)
	}
	return made, true, nil
}

// adoptField names where the platform team says that a namespace may be taken over.
func adoptField(namespace *corev1.Namespace) string {
	organization := namespace.Labels[naming.LabelOrganization]
	if namespace.Name == naming.OrganizationNamespace(organization) {
		return "spec.adoptNamespaces of the Organization"
	}
	return "spec.adoptNamespaces of the Cluster"
}

// ownerKeys are the labels that say whose a namespace is.
func ownerKeys() []string {
	return []string{naming.LabelManagedBy, naming.LabelOrganization, naming.LabelProject, naming.LabelStage}
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

// Delete deletes a namespace with all that is in it and says what remains, empty
// when it is gone. One that is not the owner's is left alone and counts as gone.
func (a *NamespaceApplier) Delete(ctx context.Context, name string, owner map[string]string) (remains string, err error) {
	a.Forget(name)
	existing, err := a.read(ctx, name)
	if err != nil || existing == nil || !a.owns(existing, owner) {
		return "", err
	}
	if remains := Remains(existing); remains != "" {
		return remains, nil
	}
	err = a.client.Delete(ctx, existing, client.Preconditions{UID: &existing.UID})
	if client.IgnoreNotFound(err) != nil {
		return "", applyFault(err, "delete namespace "+name)
	}
	return "namespace " + name + " is being deleted", nil
}

// State says what is wrong with a namespace: it is being deleted, gone or somebody
// else's; empty when nothing is.
func (a *NamespaceApplier) State(ctx context.Context, name string, owner map[string]string) (wrong string, err error) {
	existing, err := a.read(ctx, name)
	switch {
	case err != nil:
		return "", err
	case existing == nil:
		wrong = "namespace " + name + " was deleted, and all that ran there"
	case !a.owns(existing, owner):
		wrong = "namespace " + name + " was deleted, and somebody else made one of that name"
	default:
		wrong = Remains(existing)
	}
	if wrong != "" {
		a.Forget(name)
	}
	return wrong, nil
}

// read returns a namespace, nil when there is none.
func (a *NamespaceApplier) read(ctx context.Context, name string) (*corev1.Namespace, error) {
	var existing corev1.Namespace
	err := a.client.Get(ctx, client.ObjectKey{Name: name}, &existing)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, applyFault(err, "read namespace "+name)
	}
	return &existing, nil
}

// isApplied reports whether what goes by a key was applied lately and has this
// digest.
func (a *NamespaceApplier) isApplied(key, digest string) bool {
	known, found := a.applied.Get(key)
	return found && known == digest
}

func (a *NamespaceApplier) remember(key, digest string) { a.applied.Add(key, digest, repairAfter) }

// Forget makes the next Ensure look at a namespace.
func (a *NamespaceApplier) Forget(namespace string) {
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
