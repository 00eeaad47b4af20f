package release

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
)

// A slim release is read once, and not at all when it ended here.
func TestDetails(t *testing.T) {
	named := func(name, message string) *v1alpha1.Release {
		return &v1alpha1.Release{ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: name, UID: "1"}, Status: v1alpha1.ReleaseStatus{Message: message}}
	}
	live := kubefake.New(t, named("read", "whole"))
	d := newDetails(live)
	whole, err := d.of(t.Context(), named("read", ""))
	if err != nil || whole.Status.Message != "whole" {
		t.Fatalf("%v, %v", whole, err)
	}
	if err := live.Delete(t.Context(), named("read", "")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.of(t.Context(), named("read", "")); err != nil {
		t.Errorf("it was read twice: %v", err)
	}
	gone := named("gone", "")
	gone.UID = "another"
	if _, err := d.of(t.Context(), gone); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("one that is gone: %v", err)
	}
	if err := live.Create(t.Context(), named("renewed", "")); err != nil {
		t.Fatal(err)
	}
	renewed := named("renewed", "")
	renewed.UID = "an earlier one"
	if _, err := d.of(t.Context(), renewed); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("another one has its name: %v", err)
	}
	d.keep(gone)
	if got, err := d.of(t.Context(), gone); err != nil || got != gone {
		t.Errorf("one that ended here: %v, %v", got, err)
	}
}
