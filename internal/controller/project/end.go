package project

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
)

// projectFinalizer keeps a Project until its stages are gone: it says on which
// cluster they are.
const projectFinalizer = "slipway.dev/project"

// maxNamed is how many stages a sentence names.
const maxNamed = 5

// hold keeps a project from being gone before its stages.
func (r *Reconciler) hold(ctx context.Context, p *v1alpha1.Project) error {
	if controllerutil.ContainsFinalizer(p, projectFinalizer) {
		return nil
	}
	held := p.DeepCopy()
	controllerutil.AddFinalizer(held, projectFinalizer)
	if err := client.IgnoreNotFound(r.Client.Patch(ctx, held, client.MergeFromWithOptions(p, client.MergeFromWithOptimisticLock{}))); err != nil {
		return fmt.Errorf("hold project %s: %w", p.Name, err)
	}
	return nil
}

// end lets a deleted project go once it has no stages. Before that it says which
// there are, and how they go: nobody loses volumes because a Project was deleted.
func (r *Reconciler) end(ctx context.Context, p *v1alpha1.Project) error {
	if !controllerutil.ContainsFinalizer(p, projectFinalizer) {
		return nil
	}
	var stages v1alpha1.StageList
	if err := r.Client.List(ctx, &stages, client.InNamespace(p.Namespace), client.MatchingFields{kube.StagesByProject: p.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list stages: %w", err)
	}
	if len(stages.Items) > 0 {
		return r.showEnding(ctx, p, stages.Items)
	}
	free := p.DeepCopy()
	controllerutil.RemoveFinalizer(free, projectFinalizer)
	if err := client.IgnoreNotFound(r.Client.Patch(ctx, free, client.MergeFrom(p))); err != nil {
		return fmt.Errorf("let project %s go: %w", p.Name, err)
	}
	return nil
}

// showEnding says which stages a deleted project still has.
func (r *Reconciler) showEnding(ctx context.Context, p *v1alpha1.Project, stages []v1alpha1.Stage) error {
	names := make([]string, len(stages))
	for i := range stages {
		names[i] = stages[i].Spec.Name
	}
	slices.Sort(names)
	named := strings.Join(names[:min(len(names), maxNamed)], ", ")
	if more := len(names) - maxNamed; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	after := p.DeepCopy()
	after.Status.ObservedGeneration = p.Generation
	kube.SetCondition(&after.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionSynced, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonEnding,
		Message: fmt.Sprintf("the project is being deleted, and its stages still run: %s; they go, with their namespaces and volumes, with kubectl -n %s delete stages.slipway.dev -l %s=%s, and the project with the last of them",
			named, p.Namespace, naming.LabelProject, p.Name),
	}, p.Generation)
	return kube.PatchStatus(ctx, r.Client, p, after)
}
