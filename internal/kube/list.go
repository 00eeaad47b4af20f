package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// ReleasesOf returns a stage's releases, newest first.
func ReleasesOf(ctx context.Context, c client.Client, stage *v1alpha1.Stage) ([]v1alpha1.Release, error) {
	return releasesOf(ctx, c, stage)
}

// CachedReleasesOf returns a stage's releases, newest first. What they point to is the
// watch cache's own and must not be changed.
func CachedReleasesOf(ctx context.Context, c client.Client, stage *v1alpha1.Stage) ([]v1alpha1.Release, error) {
	return releasesOf(ctx, c, stage, client.UnsafeDisableDeepCopy)
}

func releasesOf(ctx context.Context, c client.Client, stage *v1alpha1.Stage, options ...client.ListOption) ([]v1alpha1.Release, error) {
	var list v1alpha1.ReleaseList
	options = append(options, client.InNamespace(stage.Namespace), client.MatchingFields{releasesByStage: stage.Name})
	if err := c.List(ctx, &list, options...); err != nil {
		return nil, fmt.Errorf("list releases of stage %s: %w", stage.Name, err)
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.Release) int { return cmp.Compare(b.Spec.Sequence, a.Spec.Sequence) })
	return list.Items, nil
}

// nodePage is how many nodes are read at once: each lists its images.
const nodePage = 50

// EachNode calls visit for every node of a cluster, which it reads in pages.
func EachNode(ctx context.Context, c client.Reader, visit func(corev1.Node)) error {
	for next, more := "", true; more; more = next != "" {
		var page corev1.NodeList
		if err := c.List(ctx, &page, client.Limit(nodePage), client.Continue(next)); err != nil {
			return fmt.Errorf("list nodes: %w", err)
		}
		for _, node := range page.Items {
			visit(node)
		}
		next = page.Continue
	}
	return nil
}
