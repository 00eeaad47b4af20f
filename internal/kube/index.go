package kube

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// IndexFields registers the indexes that the reconcilers list by.
func IndexFields(ctx context.Context, indexer client.FieldIndexer) error {
	indexes := []struct {
		object client.Object
		field  string
		value  func(client.Object) string
	}{
		{&v1alpha1.Delivery{}, DeliveriesByProject, func(o client.Object) string { return o.(*v1alpha1.Delivery).Spec.Project }},
		{&v1alpha1.Acceptance{}, AcceptancesByProject, func(o client.Object) string { return o.(*v1alpha1.Acceptance).Spec.Project }},
		{&v1alpha1.Stage{}, StagesByProject, func(o client.Object) string { return o.(*v1alpha1.Stage).Spec.Project }},
		{&v1alpha1.Stage{}, GatedStages, func(o client.Object) string { return gated(o.(*v1alpha1.Stage)) }},
		{&v1alpha1.Release{}, releasesByStage, func(o client.Object) string { return o.(*v1alpha1.Release).Spec.Stage }},
		{&v1alpha1.Release{}, HeldByCommit, func(o client.Object) string { return heldCommit(o.(*v1alpha1.Release)) }},
	}
	for _, index := range indexes {
		extract := func(o client.Object) []string { return indexed(index.value(o)) }
		if err := indexer.IndexField(ctx, index.object, index.field, extract); err != nil {
			return fmt.Errorf("index %T by %s: %w", index.object, index.field, err)
		}
	}
	return nil
}

// indexed returns what an object is found by: nothing when it has no value. An
// entry for each release that is not held would cost more than those that are.
func indexed(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// DeliveriesByProject indexes deliveries by the project they are for.
const DeliveriesByProject = "spec.project"

// AcceptancesByProject indexes acceptances by the project that they are for.
const AcceptancesByProject = "spec.project"

// releasesByStage indexes releases by the Stage object they are for.
const releasesByStage = "spec.stage"

// StagesByProject indexes stages by the project they belong to.
const StagesByProject = "spec.project"

// GatedStages indexes the stages behind the gate, under Gated.
const GatedStages = "gated"

// Gated is what stages behind the gate are found by.
const Gated = "true"

func gated(stage *v1alpha1.Stage) string {
	if !stage.Spec.Gated {
		return ""
	}
	return Gated
}

// HeldByCommit indexes held releases by their commit.
const HeldByCommit = "held"

// heldCommit returns the commit of a held release, empty for others.
func heldCommit(rel *v1alpha1.Release) string {
	if rel.Status.Phase != v1alpha1.PhaseHeld {
		return ""
	}
	return rel.Spec.Head.Commit
}
