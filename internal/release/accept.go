package release

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Answer is what comes of a release that a person asked for.
type Answer struct {
	// Refused is why it may not begin, nil when it may.
	Refused *Failure
	// Who is the member who asked.
	Who project.Member
	// Quarantine is what the stage's status must say before it begins, nil for
	// no change.
	Quarantine *v1alpha1.Quarantine
	// Scale, when Scales is true, are the replicas that come into force.
	Scale  map[string]int32
	Scales bool
}

// askedRelease is a release that a person asked for, with what it is judged by.
type askedRelease struct {
	*Runner
	Inputs
	history  History
	document *projectfile.Document
	rule     project.Stage
}

// Accept decides whether a release that a person asked for may begin: whether
// the role table lets them, by the project file of the trusted ref and by
// nothing that they say themselves, and whether it makes sense. An error means
// that it can't be told now. It writes nothing.
func (r *Runner) Accept(ctx context.Context, o Inputs, h History) (Answer, error) {
	w := &askedRelease{Runner: r, Inputs: o, history: h.Before(o.Release)}
	var answer Answer
	for _, check := range []func(context.Context, *Answer) (*Failure, error){w.checkFields, w.checkPermission, w.checkTrigger} {
		refused, err := check(ctx, &answer)
		if err != nil {
			return Answer{}, err
		}
		if refused != nil {
			return Answer{Refused: refused, Who: answer.Who}, nil
		}
	}
	return answer, nil
}

func refuse(cause, format string, args ...any) *Failure {
	return &Failure{Cause: cause, Message: fmt.Sprintf(format, args...)}
}

// checkFields refuses an order that the command line does not make.
func (w *askedRelease) checkFields(context.Context, *Answer) (*Failure, error) {
	spec := w.Release.Spec
	if want := naming.Release(spec.Stage, spec.Sequence); w.Release.Name != want {
		return refuse(CauseInvalid, "release %d of stage %s must be named %s; ask again with `slipway`", spec.Sequence, w.Stage.Spec.Name, want), nil
	}
	if spec.Project != w.Stage.Spec.Project {
		return refuse(CauseInvalid, "stage %s belongs to project %s, not to %q; ask again with `slipway`", w.Stage.Spec.Name, w.Stage.Spec.Project, spec.Project), nil
	}
	return nil, nil
}

// checkPermission asks the role table.
func (w *askedRelease) checkPermission(ctx context.Context, answer *Answer) (*Failure, error) {
	document, _, err := w.Sources.File(ctx, w.Project, w.Stage.Spec.Wanted.FileCommit)
	if err != nil {
		return nil, err
	}
	rule, found := document.File.Stage(w.Stage.Spec.Rule)
	if !found {
		return refuse(CauseInvalid, "%s has no stage %s any more", project.FileName, w.Stage.Spec.Rule), nil
	}
	w.document, w.rule = document, rule
	who, refusal := w.permit(actionOf(w.Release.Spec.Trigger))
	if refusal != "" {
		return refuse(CauseDenied, "%s", refusal), nil
	}
	answer.Who = who
	return nil, nil
}

func (w *askedRelease) permit(action project.Action) (project.Member, string) {
	return plan.Permit(plan.Wish{
		File: w.document.File, Rule: w.rule, Stage: w.Stage.Spec.Name,
		By: w.Release.Spec.By, Action: action, Where: whereIn(w.document),
	})
}

// checkTrigger asks what the kind of release needs.
func (w *askedRelease) checkTrigger(ctx context.Context, answer *Answer) (*Failure, error) {
	switch w.Release.Spec.Trigger {
	case v1alpha1.TriggerDeploy:
		return w.checkDeploy(ctx)
	case v1alpha1.TriggerPromotion:
		return w.checkPromotion(), nil
	case v1alpha1.TriggerRollback:
		return w.checkRollback(answer), nil
	case v1alpha1.TriggerRestart:
		return w.checkRestart(), nil
	case v1alpha1.TriggerScale:
		return w.checkScale(answer), nil
	}
	return refuse(CauseInvalid, "nobody can ask for a release with the trigger %s", w.Release.Spec.Trigger), nil
}

// Answered returns the status of a release that a person asked for, once it is
// decided upon.
func (r *Runner) Answered(o Inputs, a Answer) v1alpha1.ReleaseStatus {
	run := &run{Runner: r, Inputs: o, status: *o.Release.Status.DeepCopy()}
	accepted := metav1.Condition{
		Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: "Permitted",
		Message:            fault.Clip("asked by "+a.Who.User+" ("+string(a.Who.Role)+")"+because(o.Release.Spec.Reason), 1024),
		LastTransitionTime: metav1.Time{Time: r.Now()}, ObservedGeneration: o.Release.Generation,
	}
	if a.Refused == nil {
		run.mark(v1alpha1.PhasePending, accepted.Message)
	} else {
		accepted.Status, accepted.Reason, accepted.Message = metav1.ConditionFalse, a.Refused.Cause, fault.Clip(a.Refused.Message, 1024)
		run.status.Cause = a.Refused.Cause
		run.mark(v1alpha1.PhaseFailed, fault.Clip(a.Refused.Message, 4096))
	}
	meta.SetStatusCondition(&run.status.Conditions, accepted)
	return run.status
}
