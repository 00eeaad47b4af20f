//go:build integration

package convergence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// view is what the cluster holds of one project.
type view struct {
	ctx      context.Context
	project  v1alpha1.Project
	stages   map[string]*v1alpha1.Stage // by the name for people
	releases []v1alpha1.Release         // by stage and number
	heard    []v1alpha1.Delivery
}

// look reads what the cluster holds of the team's project.
func (t *team) look(ctx context.Context) (*view, error) {
	v := &view{ctx: ctx, stages: map[string]*v1alpha1.Stage{}}
	of := []client.ListOption{client.InNamespace(t.Namespace), client.MatchingLabels{naming.LabelProject: t.Name}}
	var stages v1alpha1.StageList
	var releases v1alpha1.ReleaseList
	var deliveries v1alpha1.DeliveryList
	err := errors.Join(
		world.Client.Get(ctx, client.ObjectKey{Namespace: t.Namespace, Name: t.Name}, &v.project),
		world.Client.List(ctx, &stages, of...), world.Client.List(ctx, &releases, of...), world.Client.List(ctx, &deliveries, of...),
	)
	for i := range stages.Items {
		v.stages[stages.Items[i].Spec.Name] = &stages.Items[i]
	}
	v.releases, v.heard = releases.Items, deliveries.Items
	slices.SortFunc(v.releases, func(a, b v1alpha1.Release) int {
		return cmp.Or(cmp.Compare(a.Spec.Stage, b.Spec.Stage), cmp.Compare(a.Spec.Sequence, b.Spec.Sequence))
	})
	return v, err
}

// stagesOf compares every stage with what the model wants.
func (v *view) stagesOf(t *team) error {
	var wrong []error
	for _, w := range t.model.wants(func(ref string) string { return naming.StageForRef("feature", ref) }) {
		if err := v.check(t, w); err != nil {
			wrong = append(wrong, fmt.Errorf("want %s: %w", w, err))
		}
	}
	return errors.Join(wrong...)
}

// check compares one stage with what is wanted.
func (v *view) check(t *team, w want) error {
	stage, exists := v.stages[w.stage]
	namespace := naming.Namespace(t.Organization, t.Name, w.stage)
	switch {
	case w.gone && exists:
		return fmt.Errorf("it is there, deleted at %v", stage.DeletionTimestamp)
	case w.gone:
		err := world.Client.Get(v.ctx, client.ObjectKey{Name: namespace}, &corev1.Namespace{})
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("namespace %s: want it gone, got %w", namespace, err)
		}
		return nil
	case !exists && w.may:
		return nil
	case !exists:
		return fmt.Errorf("there is none; the project says %+v", v.project.Status.Conditions)
	}
	if !stage.DeletionTimestamp.IsZero() || !w.allows(t.model, stage.Spec.Wanted.Commit) || stage.Status.Attempted != stage.Spec.Wanted.Commit ||
		stage.Status.Commit != stage.Spec.Wanted.Commit || stage.Status.Phase != v1alpha1.PhaseSucceeded {
		return fmt.Errorf("wanted %.8s, attempted %.8s, commit %.8s, phase %s, %+v; the project says %+v", stage.Spec.Wanted.Commit,
			stage.Status.Attempted, stage.Status.Commit, stage.Status.Phase, stage.Status.Conditions, v.project.Status.Conditions)
	}
	return v.runs(namespace, t.model.content(w.stage, stage.Spec.Wanted.Commit))
}

// runs reads what is applied.
func (v *view) runs(namespace string, content [2]string) error {
	var maps corev1.ConfigMapList
	if err := world.Client.List(v.ctx, &maps, client.InNamespace(namespace), client.MatchingLabels{naming.LabelManagedBy: naming.ManagedBy}); err != nil {
		return err
	}
	for _, m := range maps.Items {
		if said, ok := m.Data["greeting"]; ok {
			if got := [2]string{said, m.Labels["tier"]}; got != content {
				return fmt.Errorf("the settings in %s say %q, want %q", namespace, got, content)
			}
			return nil
		}
	}
	return fmt.Errorf("there are no settings in %s", namespace)
}

// deliveries wants every delivery that was acknowledged kept, and dealt with.
func (v *view) deliveries(accepted map[string]bool) error {
	kept := map[string]bool{}
	for _, d := range v.heard {
		kept[d.Spec.ID] = true
		if d.Status.Phase != v1alpha1.DeliveryDone {
			return fmt.Errorf("delivery %s (%s %s) is %q: %s", d.Name, d.Spec.Event, d.Spec.Ref, d.Status.Phase, d.Status.Message)
		}
	}
	for id := range accepted {
		if !kept[id] {
			return fmt.Errorf("delivery %s was acknowledged and is lost", id)
		}
	}
	return nil
}

// sequence wants no head released twice in a row: that would be work for
// nothing.
func (v *view) sequence() error {
	for i := 1; i < len(v.releases); i++ {
		a, b := v.releases[i-1], v.releases[i]
		if a.Spec.Stage == b.Spec.Stage && a.Spec.Head.Commit == b.Spec.Head.Commit && a.Spec.Head.FileID == b.Spec.Head.FileID {
			return fmt.Errorf("releases %s and %s are of the same head %.8s", a.Name, b.Name, a.Spec.Head.Commit)
		}
		if !a.Status.Phase.Done() || !b.Status.Phase.Done() {
			return fmt.Errorf("releases %s is %s, %s is %s", a.Name, a.Status.Phase, b.Name, b.Status.Phase)
		}
	}
	return nil
}
