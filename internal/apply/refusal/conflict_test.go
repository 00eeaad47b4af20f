package refusal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

func TestConflictsOf(t *testing.T) {
	status := &metav1.Status{Reason: metav1.StatusReasonConflict, Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{
		{Type: metav1.CauseTypeFieldManagerConflict, Field: ".data.a", Message: `conflict with "kubectl-edit" using v1 at 2026-01-01T00:00:00Z`},
		{Type: metav1.CauseTypeFieldManagerConflict, Field: ".spec.replicas", Message: `conflict with "a \"b\"" with subresource "scale" using apps/v1`},
		{Type: metav1.CauseTypeFieldManagerConflict, Field: ".data.b", Message: `something new`},
		{Type: metav1.CauseTypeFieldValueInvalid, Field: ".data.c", Message: `conflict with "x"`},
	}}}
	want := []Conflict{
		{Manager: "kubectl-edit", Field: ".data.a"}, {Manager: `a "b"`, Subresource: "scale", Field: ".spec.replicas"}, {Manager: "another manager", Field: ".data.b"},
	}
	if diff := cmp.Diff(want, ConflictsOf(inventory.Ref{}, status)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
