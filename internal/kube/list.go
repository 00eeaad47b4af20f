package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// ReleasesOf returns a stage's releases, newest first.
func ReleasesOf(ctx context.Context, c client.Client, stage *v1alpha1.Stage) ([]v1alpha1.Release, error) {
	var list v1alpha1.ReleaseList
	if err := c.List(ctx, &list, client.InNamespace(stage.Namespace), client.MatchingFields{releasesByStage: stage.Name}); err != nil {
		return nil, fmt.Errorf("list releases of stage %s: %w", stage.Name, err)
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.Release) int { return cmp.Compare(b.Spec.Sequence, a.Spec.Sequence) })
	return list.Items, nil
}
