package kube

import (
	"context"
	"slices"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// extractors keeps how objects are indexed.
type extractors map[string]client.IndexerFunc

func (e extractors) IndexField(_ context.Context, _ client.Object, field string, extract client.IndexerFunc) error {
	e[field] = extract
	return nil
}

// An entry for every release that is not held would be the largest index of all.
func TestOnlyHeldReleasesAreFoundByCommit(t *testing.T) {
	indexes := extractors{}
	if err := IndexFields(t.Context(), indexes); err != nil {
		t.Fatal(err)
	}
	tests := map[v1alpha1.Phase][]string{v1alpha1.PhaseHeld: {"c1"}, v1alpha1.PhaseSucceeded: nil, v1alpha1.PhaseVerifying: nil}
	for phase, want := range tests {
		rel := &v1alpha1.Release{Spec: v1alpha1.ReleaseSpec{Head: v1alpha1.Head{Commit: "c1"}}, Status: v1alpha1.ReleaseStatus{Phase: phase}}
		if got := indexes[HeldByCommit](rel); !slices.Equal(got, want) {
			t.Errorf("%s: indexed by %q, want %q", phase, got, want)
		}
	}
}
