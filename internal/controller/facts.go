package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/scm"
)

// ForgeFacts asks the forge of a project's primary repository for what a plan
// needs. It implements release.Facts.
type ForgeFacts struct{ Forges *Forges }

// Checks implements release.Facts.
func (f *ForgeFacts) Checks(ctx context.Context, o release.Inputs) (map[string]plan.CheckState, error) {
	reader, err := f.reader(ctx, o.Project)
	if err != nil {
		return nil, err
	}
	states, err := reader.Checks(ctx, o.Project.Primary().Path, o.Release.Spec.Head.Commit)
	if err != nil {
		return nil, fmt.Errorf("checks of %.8s: %w", o.Release.Spec.Head.Commit, err)
	}
	checks := make(map[string]plan.CheckState, len(states))
	for name, state := range states {
		checks[name] = checkState(state)
	}
	return checks, nil
}

// checkState puts a check into the words of a plan: one that couldn't be tried
// did not pass.
func checkState(state scm.State) plan.CheckState {
	switch state {
	case scm.StateSuccess:
		return plan.CheckPassed
	case scm.StatePending:
		return plan.CheckPending
	}
	return plan.CheckFailed
}

// Groups implements release.Facts.
func (f *ForgeFacts) Groups(ctx context.Context, o release.Inputs, login string, among []string) ([]string, error) {
	reader, err := f.reader(ctx, o.Project)
	if err != nil {
		return nil, err
	}
	groups, err := reader.Groups(ctx, login, among)
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", login, err)
	}
	return groups, nil
}

func (f *ForgeFacts) reader(ctx context.Context, p *v1alpha1.Project) (scm.Reader, error) {
	forge, err := f.Forges.client(ctx, p, p.Primary())
	if err != nil {
		return nil, err
	}
	if forge == nil {
		return nil, fault.New(fault.Invalid, "repository %s has no token to ask its forge with; name a Secret with one in the Project's spec.repositories", p.Primary().Path)
	}
	reader, reads := forge.reader()
	if !reads {
		return nil, fault.New(fault.Internal, "forge %s can't be asked", p.Primary().Forge)
	}
	return reader, nil
}

// heldFor asks for another look at the releases that wait for what a delivery
// tells: a check of their commit that finished.
func (r *ReleaseReconciler) heldFor(ctx context.Context, o client.Object) []reconcile.Request {
	delivery, ok := o.(*v1alpha1.Delivery)
	if !ok || delivery.Spec.Event != string(scm.KindCheck) || delivery.Status.Phase == v1alpha1.DeliveryDone {
		return nil
	}
	var held v1alpha1.ReleaseList
	if err := r.Client.List(ctx, &held, client.InNamespace(delivery.Namespace), client.MatchingFields{releaseHeld: delivery.Spec.After}); err != nil {
		r.Log.Warn("find held releases", "project", delivery.Spec.Project, "delivery", delivery.Name, "error", err)
		return nil // the timer looks again
	}
	var requests []reconcile.Request
	for _, rel := range held.Items {
		if rel.Spec.Project == delivery.Spec.Project {
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: rel.Namespace, Name: rel.Name}})
		}
	}
	return requests
}

// releaseHeld indexes held releases by their commit.
const releaseHeld = "held"

// heldCommit returns the commit of a held release, empty for others.
func heldCommit(rel *v1alpha1.Release) string {
	if rel.Status.Phase != v1alpha1.PhaseHeld {
		return ""
	}
	return rel.Spec.Head.Commit
}
