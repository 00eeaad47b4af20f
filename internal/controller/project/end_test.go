package project

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// takeDown ends the project's stages at once, as their reconciler does in time.
func (f *fixture) takeDown(t *testing.T) {
	t.Helper()
	var stages v1alpha1.StageList
	if err := f.client.List(t.Context(), &stages); err != nil {
		t.Fatal(err)
	}
	for i := range stages.Items {
		stage := &stages.Items[i]
		stage.Finalizers = nil
		if err := f.client.Update(t.Context(), stage); err != nil {
			t.Fatal(err)
		}
		if err := client.IgnoreNotFound(f.client.Delete(t.Context(), stage)); err != nil {
			t.Fatal(err)
		}
	}
}

// A deleted project goes after its stages, and says meanwhile how they go.
func TestProjectGoesAfterItsStages(t *testing.T) {
	f := newFixture(t, newProject(func(p *v1alpha1.Project) { p.Finalizers = nil })) // as people make one
	f.reconcile(t)
	if err := f.client.Delete(t.Context(), newProject(nil)); err != nil {
		t.Fatal(err)
	}
	reads := f.repos.reads
	if result := f.reconcile(t); result != (ctrl.Result{}) || f.repos.reads != reads {
		t.Errorf("%v: it is synced still", result)
	}
	var p v1alpha1.Project
	if err := f.client.Get(t.Context(), shop.NamespacedName, &p); err != nil {
		t.Fatalf("it is gone before its stages: %v", err)
	}
	synced := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionSynced)
	if want := "kubectl -n " + namespace + " delete stages.slipway.dev -l " + naming.LabelProject + "=shop"; synced == nil || synced.Reason != v1alpha1.ReasonEnding || !strings.Contains(synced.Message, want) {
		t.Errorf("it says %+v, want how its stages go: %s", synced, want)
	}
	f.takeDown(t)
	f.reconcile(t)
	if err := f.client.Get(t.Context(), shop.NamespacedName, &p); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("it has no stages any more, and stays: %v", err)
	}
}

// A ref that comes back while its stage is being taken down is noted there, and its
// delivery says so.
func TestRefComesBackBeforeItsStageIsGone(t *testing.T) {
	f := newFixture(t, newProject(nil))
	f.reconcile(t)
	var stages v1alpha1.StageList
	if err := f.client.List(t.Context(), &stages); err != nil || len(stages.Items) == 0 {
		t.Fatalf("%d stages: %v", len(stages.Items), err)
	}
	if err := f.client.Delete(t.Context(), &stages.Items[0]); err != nil {
		t.Fatal(err)
	}
	if err := f.client.Create(t.Context(), push("again", nil)); err != nil {
		t.Fatal(err)
	}
	f.reconcile(t)
	if err := f.client.List(t.Context(), &stages); err != nil {
		t.Fatal(err)
	}
	if got := stages.Items[0].Annotations[naming.AnnotationWantedAgain]; got != stages.Items[0].Spec.Wanted.Commit {
		t.Errorf("it is noted that %q is wanted, want %q", got, stages.Items[0].Spec.Wanted.Commit)
	}
	if said := f.cleaned()["again"]; !strings.Contains(said, "is still being taken down") {
		t.Errorf("its delivery is %q", said)
	}
}
