package runner

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
)

// Answer is the decision about a release that a person requested.
type Answer struct {
	// Refused is why the release may not begin, nil when it may.
	Refused *release.Failure
	// Who is the member who requested it.
	Who project.Member
	// Quarantine must be in the stage's status before the release begins; nil
	// means no change.
	Quarantine *v1alpha1.Quarantine
	// Scale holds the replicas that come into force when Scales is true.
	Scale  map[string]int32
	Scales bool
}

// askedRelease is a release that a person requested, with what decides about
// it.
type askedRelease struct {
	*Runner
	release.Inputs
	history  release.History
	document *projectfile.Document
	rule     project.Stage
}

// Accept decides whether a release that a person requested may begin: whether
// the role table permits it, by the project file of the trusted ref and by
// nothing that the request contains, and whether the stage's state allows it.
// An error means that nothing can be decided now. Accept writes nothing.
func (r *Runner) Accept(ctx context.Context, o release.Inputs, h release.History) (Answer, error) {
	a := &askedRelease{Runner: r, Inputs: o, history: h.Before(o.Release)}
	var answer Answer
	for _, check := range []func(context.Context, *Answer) (*release.Failure, error){a.checkFields, a.checkPermission, a.checkTrigger} {
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

func refuse(cause, format string, args ...any) *release.Failure {
	return &release.Failure{Cause: cause, Message: fmt.Sprintf(format, args...)}
}

// checkFields refuses requests that the command line does not make.
func (a *askedRelease) checkFields(context.Context, *Answer) (*release.Failure, error) {
	spec := a.Release.Spec
	if want := naming.Release(spec.Stage, spec.Sequence); a.Release.Name != want {
		return refuse(release.CauseInvalid, "release %d of stage %s must be named %s; request it again with `slipway`", spec.Sequence, a.Stage.Spec.Name, want), nil
	}
	if spec.Project != a.Stage.Spec.Project {
		return refuse(release.CauseInvalid, "stage %s belongs to project %s, not to %q; request it again with `slipway`", a.Stage.Spec.Name, a.Stage.Spec.Project, spec.Project), nil
	}
	return nil, nil
}

// checkPermission looks the request up in the role table.
func (a *askedRelease) checkPermission(ctx context.Context, answer *Answer) (*release.Failure, error) {
	head, err := inForce(a.Project)
	if err != nil {
		return nil, err
	}
	document, _, err := a.Sources.File(ctx, a.Project, head)
	if err != nil {
		return nil, err
	}
	rule, found := document.File.Rule(a.Stage.Spec.Rule, a.Stage.IsPreview())
	if !found {
		return refuse(release.CauseInvalid, "%s has no stage %s any more", project.FileName, a.Stage.Spec.Rule), nil
	}
	a.document, a.rule = document, rule
	who, refusal := a.permit(release.ActionOf(a.Release.Spec.Trigger))
	if refusal != "" {
		return refuse(release.CauseDenied, "%s", refusal), nil
	}
	answer.Who = who
	return nil, nil
}

func (a *askedRelease) permit(action project.Action) (project.Member, string) {
	return plan.Permit(plan.Request{
		File: a.document.File, Rule: a.rule, Stage: a.Stage.Spec.Name,
		By: a.Release.Spec.By, Action: action, Where: whereIn(a.document),
	})
}

// checkTrigger checks what the kind of release needs.
func (a *askedRelease) checkTrigger(ctx context.Context, answer *Answer) (*release.Failure, error) {
	switch a.Release.Spec.Trigger {
	case v1alpha1.TriggerDeploy:
		return a.checkDeploy(ctx)
	case v1alpha1.TriggerPromotion:
		return a.checkPromotion(), nil
	case v1alpha1.TriggerRollback:
		return a.checkRollback(answer), nil
	case v1alpha1.TriggerRestart:
		return a.checkRestart(ctx)
	case v1alpha1.TriggerScale:
		return a.checkScale(answer), nil
	case v1alpha1.TriggerSleep, v1alpha1.TriggerWake:
		return a.checkRest(), nil
	}
	return refuse(release.CauseInvalid, "a release with the trigger %s can't be requested", a.Release.Spec.Trigger), nil
}

// Answered returns the status of a release that a person requested, once it is
// decided.
func (r *Runner) Answered(o release.Inputs, a Answer) v1alpha1.ReleaseStatus {
	run := &run{Runner: r, Inputs: o, status: *o.Release.Status.DeepCopy()}
	accepted := metav1.Condition{
		Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: "Permitted",
		Message:            printable.Passage("asked by "+a.Who.User+" ("+string(a.Who.Role)+")"+release.Because(o.Release.Spec.Reason), 1024),
		LastTransitionTime: metav1.Time{Time: r.Now()}, ObservedGeneration: o.Release.Generation,
	}
	if a.Refused == nil {
		run.mark(v1alpha1.PhasePending, accepted.Message)
	} else {
		accepted.Status, accepted.Reason, accepted.Message = metav1.ConditionFalse, a.Refused.Cause, printable.Passage(a.Refused.Message, 1024)
		run.status.Cause = a.Refused.Cause
		run.mark(v1alpha1.PhaseFailed, printable.Passage(a.Refused.Message, 4096))
	}
	meta.SetStatusCondition(&run.status.Conditions, accepted)
	return run.status
}
