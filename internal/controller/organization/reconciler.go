package organization

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/target"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// Reconciler gives every Organization its namespace.
type Reconciler struct {
	Client     client.Client
	Namespaces *tenancy.NamespaceApplier
	// Self is the service account that Slipway runs as, which gets the rights
	// it needs in each namespace.
	Self tenancy.Subject
}

// Reconcile makes the namespace of one organization.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var org v1alpha1.Organization
	if err := r.Client.Get(ctx, req.NamespacedName, &org); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !org.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	namespace, objects := tenancy.NewOrganization(org.Name, r.Self)
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "NamespaceReady", Message: "namespace " + namespace.Name + " is ready"}
	err := r.Namespaces.Adopting(org.Spec.AdoptNamespaces).Ensure(ctx, namespace, objects)
	if err != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, "NamespaceFailed", kube.Sentence(err)
	}
	status := org.DeepCopy()
	status.Status.Namespace = namespace.Name
	status.Status.ObservedGeneration = org.Generation
	kube.SetCondition(&status.Status.Conditions, condition, org.Generation)
	r.checkTemplates(ctx, status)
	if saveErr := kube.PatchStatus(ctx, r.Client, &org, status); saveErr != nil {
		return ctrl.Result{}, saveErr
	}
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("reconcile organization %s: %w", org.Name, err)
	}
	return ctrl.Result{RequeueAfter: templatesPoll}, nil
}

// templatesPoll is how often it is looked whether an organization's templates
// are good: nobody watches ConfigMaps.
const templatesPoll = 5 * time.Minute

// checkTemplates shows whether the organization's own templates can be used.
func (r *Reconciler) checkTemplates(ctx context.Context, org *v1alpha1.Organization) {
	if len(org.Spec.Templates.ConfigMaps)+len(org.Spec.Templates.Locks) == 0 {
		meta.RemoveStatusCondition(&org.Status.Conditions, v1alpha1.ConditionTemplates)
		return
	}
	condition := metav1.Condition{Type: v1alpha1.ConditionTemplates, Status: metav1.ConditionTrue, Reason: "Valid", Message: "projects may use them"}
	if err := target.CheckTemplates(ctx, r.Client, org.Name); err != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, kube.ReasonOf(err), kube.Sentence(err)
	}
	kube.SetCondition(&org.Status.Conditions, condition, org.Generation)
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).For(&v1alpha1.Organization{}).
		WithOptions(controller.Options{RateLimiter: kube.Retries()}).
		Complete(r)
}
