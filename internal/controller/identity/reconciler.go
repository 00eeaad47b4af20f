package identity

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/seal"
	"github.com/slipway-dev/slipway/internal/target"
)

// identityPoll is how often it is looked whether somebody rotated an identity.
const identityPoll = 10 * time.Minute

// Reconciler gives every project an identity of its own and shows in
// its status what values are sealed for. The Secret goes with the project:
// who makes another of the same name can't open the values of the first.
type Reconciler struct {
	Client client.Client // Secrets are read from the API server
}

// Reconcile makes sure of one project's identity.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var p v1alpha1.Project
	if err := r.Client.Get(ctx, req.NamespacedName, &p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !p.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	identities, err := r.identities(ctx, &p)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("identity of project %s: %w", req.NamespacedName, err)
	}
	after := p.DeepCopy()
	if after.Status.Recipient, err = seal.Recipient(identities); err != nil {
		return ctrl.Result{}, fmt.Errorf("read Secret %s of project %s: %w", naming.SealIdentity(p.Name), req.NamespacedName, err)
	}
	return ctrl.Result{RequeueAfter: identityPoll}, kube.PatchStatus(ctx, r.Client, &p, after)
}

// identities returns the project's identities, made now if there are none.
func (r *Reconciler) identities(ctx context.Context, p *v1alpha1.Project) ([]byte, error) {
	key := client.ObjectKey{Namespace: p.Namespace, Name: naming.SealIdentity(p.Name)}
	var secret corev1.Secret
	err := r.Client.Get(ctx, key, &secret)
	if apierrors.IsNotFound(err) {
		return r.create(ctx, p, key)
	}
	if err != nil {
		return nil, fmt.Errorf("read Secret %s: %w", key, err)
	}
	if !metav1.IsControlledBy(&secret, p) {
		return nil, fault.New(fault.Conflict, "Secret %s belongs to no project or to one that is gone; delete it, and seal every value again", key)
	}
	return secret.Data[target.IdentityKey], nil
}

func (r *Reconciler) create(ctx context.Context, p *v1alpha1.Project, key client.ObjectKey) ([]byte, error) {
	identities, err := seal.NewIdentity()
	if err != nil {
		return nil, err
	}
	organization, _ := naming.OrganizationOf(p.Namespace)
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: key.Name, Namespace: key.Namespace, Labels: map[string]string{
			naming.LabelManagedBy: naming.ManagedBy, naming.LabelOrganization: naming.LabelValue(organization), naming.LabelProject: p.Name,
		}},
		Data: map[string][]byte{target.IdentityKey: identities},
	}
	if err := controllerutil.SetControllerReference(p, secret, r.Client.Scheme(), controllerutil.WithBlockOwnerDeletion(false)); err != nil {
		return nil, fmt.Errorf("own Secret %s: %w", key, err)
	}
	if err := r.Client.Create(ctx, secret); err != nil {
		return nil, fmt.Errorf("create Secret %s: %w", key, err)
	}
	return identities, nil
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	changed := builder.WithPredicates(predicate.GenerationChangedPredicate{}) // its status changes with every push
	return ctrl.NewControllerManagedBy(mgr).Named("identity").For(&v1alpha1.Project{}, changed).Complete(r)
}
