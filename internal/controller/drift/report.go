package drift

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/printable"
)

// maxReported is how many objects one look reports, one by one.
const maxReported = 10

// report writes what a look found to the stage's status, to an event and to the
// log, and returns what kept a repair from being made.
func (r *Reconciler) report(ctx context.Context, stage *v1alpha1.Stage, found findings) error {
	organization, _ := naming.OrganizationOf(stage.Namespace)
	log := r.Log.With("organization", organization, "project", stage.Spec.Project, "stage", stage.Spec.Name)
	all := slices.Concat(found.repairable, found.contended)
	all = slices.CompactFunc(sortedDrifts(all), func(a, b inventory.Drift) bool { return a.Ref.Key() == b.Ref.Key() })
	var reported []v1alpha1.Drift
	for _, drift := range all {
		if drift, ok := r.describe(drift, found); ok {
			reported = append(reported, drift)
		}
	}
	for i, drift := range reported {
		if i == maxReported {
			log.Warn("drift", "more", len(reported)-maxReported)
			break
		}
		reason := "DriftRepaired"
		if drift.Contended {
			reason = "DriftContended"
		}
		log.Warn("drift", "object", drift.Object, "manager", drift.Manager, "contended", drift.Contended, "message", drift.Message)
		r.Events.Eventf(stage, nil, corev1.EventTypeWarning, reason, "Repair", "%s", drift.Message)
	}
	if len(reported) > 0 {
		if err := r.show(ctx, stage, reported, int64(len(found.report.Repaired))); err != nil {
			return err
		}
	}
	return found.problem
}

func sortedDrifts(drifts []inventory.Drift) []inventory.Drift {
	slices.SortStableFunc(drifts, func(a, b inventory.Drift) int { return strings.Compare(a.Ref.String(), b.Ref.String()) })
	return drifts
}

// describe words one drift; ok is false when there is nothing to report: an
// autoscaler did its work.
func (r *Reconciler) describe(drift inventory.Drift, found findings) (_ v1alpha1.Drift, ok bool) {
	reported := v1alpha1.Drift{Object: drift.Ref.Kind + "/" + drift.Ref.Name, Manager: drift.Manager, At: metav1.NewTime(r.Now())}
	key := drift.Ref.Key()
	same := func(ref inventory.Ref) bool { return ref.Key() == key }
	field := ""
	for _, taken := range found.report.Taken {
		if same(taken.Ref) {
			reported.Manager, field = taken.Manager, taken.Field
		}
	}
	left := slices.ContainsFunc(found.report.Left, func(c refusal.Conflict) bool { return same(c.Ref) })
	if left && field == "" {
		return v1alpha1.Drift{}, false
	}
	reported.Contended = slices.ContainsFunc(found.contended, func(d inventory.Drift) bool { return same(d.Ref) })
	repaired := slices.ContainsFunc(found.report.Repaired, same)
	reported.Message = printable.Passage(driftSentence(drift, reported, field, repaired, found.problem), 1024)
	return reported, true
}

// driftSentence says what happened to an object, who did it and what was done.
func driftSentence(drift inventory.Drift, reported v1alpha1.Drift, field string, repaired bool, problem error) string {
	who := "somebody"
	if reported.Manager != "" {
		who = reported.Manager
	}
	what := drift.Ref.String() + " was changed by " + who
	switch {
	case drift.Kind == inventory.DriftDeleted:
		what = drift.Ref.String() + " was deleted"
	case field != "":
		what = drift.Ref.String() + ": " + field + " was changed by " + who
	}
	switch {
	case reported.Contended:
		return what + " again and again; Slipway sets it back at most twice a minute; stop the other one, or change the manifest in the repository"
	case repaired:
		return what + " and was set back; change it in the repository instead"
	case problem != nil:
		return fmt.Sprintf("%s and could not be set back: %s", what, kube.Sentence(problem))
	}
	return what + " and could not be set back: its manifest is not kept any more; deploy the stage again"
}

// show writes the drift that matters most to the stage's status.
func (r *Reconciler) show(ctx context.Context, stage *v1alpha1.Stage, reported []v1alpha1.Drift, repaired int64) error {
	drift := reported[0]
	for _, other := range reported {
		if other.Contended {
			drift = other
			break
		}
	}
	drift.Repairs = repaired
	if before := stage.Status.Drift; before != nil && r.sameRelease(ctx, stage, before) {
		drift.Repairs += before.Repairs
	}
	after := stage.DeepCopy()
	after.Status.Drift = &drift
	return kube.PatchStatus(ctx, r.Client, stage, after)
}

// showNamespace says on a stage that its namespace is lost, and how it comes back; an
// empty sentence takes that back.
func (r *Reconciler) showNamespace(ctx context.Context, stage *v1alpha1.Stage, lost string) error {
	after := stage.DeepCopy()
	if lost == "" {
		meta.RemoveStatusCondition(&after.Status.Conditions, v1alpha1.ConditionNamespace)
		return kube.PatchStatus(ctx, r.Client, stage, after)
	}
	kube.SetCondition(&after.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionNamespace, Status: metav1.ConditionFalse, Reason: "NamespaceLost",
		Message: fmt.Sprintf("%s; once it is gone, `slipway deploy %s %s` makes it anew", lost, stage.Spec.Project, stage.Spec.Name),
	}, stage.Generation)
	if apiequality.Semantic.DeepEqual(stage.Status, after.Status) {
		return nil
	}
	r.Events.Eventf(stage, nil, corev1.EventTypeWarning, "NamespaceLost", "Watch", "%s", printable.Passage(lost, 1024))
	return kube.PatchStatus(ctx, r.Client, stage, after)
}

// sameRelease reports whether the stage's newest release is older than a
// drift.
func (r *Reconciler) sameRelease(ctx context.Context, stage *v1alpha1.Stage, before *v1alpha1.Drift) bool {
	var newest v1alpha1.Release
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: stage.Namespace, Name: stage.Status.Release}, &newest)
	return err == nil && !before.At.Before(&newest.CreationTimestamp)
}

// clear takes back that a stage is fought over once nothing differs any more.
func (r *Reconciler) clear(ctx context.Context, stage *v1alpha1.Stage) error {
	if drift := stage.Status.Drift; drift == nil || !drift.Contended || r.Now().Sub(drift.At.Time) < driftSweep {
		return nil
	}
	after := stage.DeepCopy()
	after.Status.Drift.Contended = false
	return kube.PatchStatus(ctx, r.Client, stage, after)
}
