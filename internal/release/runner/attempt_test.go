package runner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// A release says whom it waits for, as long as it does.
func TestReleaseTellsWhomItWaitsFor(t *testing.T) {
	f := newFixture(t)
	f.refused = fault.New(fault.Unavailable, "the cluster is away")
	if err := f.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	want := []string{"Unavailable: waiting: the cluster is away / waiting: the cluster is away"}
	if diff := cmp.Diff(want, f.waits); diff != "" {
		t.Error(diff)
	}
	if f.status.Phase != v1alpha1.PhaseSucceeded || meta.FindStatusCondition(f.status.Conditions, v1alpha1.ConditionWaiting) != nil {
		t.Errorf("in the end: %s, %+v", f.status.Phase, f.status.Conditions)
	}
}
