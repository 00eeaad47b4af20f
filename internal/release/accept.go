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
)

// Causes of a refusal, and of a release that somebody rejected.
const (
	CauseDenied      = "Denied"
	CauseInvalid     = "Invalid"
	CausePaused      = "Paused"
	CauseQuarantined = "Quarantined"
	CauseConflict    = "Conflict"
	CauseRejected    = "Rejected"
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
	document, _, err := w.Sources.File(ctx, w.Project, w.Stage.Spec.Wanted)
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

// actionOf returns what a person does by asking for a release.
func actionOf(t v1alpha1.Trigger) project.Action {
	switch t {
	case v1alpha1.TriggerDeploy:
		return project.ActionDeploy
	case v1alpha1.TriggerRollback:
		return project.ActionRollback
	case v1alpha1.TriggerPromotion:
		return project.ActionPromote
	case v1alpha1.TriggerRestart:
		return project.ActionRestart
	case v1alpha1.TriggerScale:
		return project.ActionScale
	}
	return ""
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

// requireNoneRunning refuses what a pause forbids.
func (w *askedRelease) requireNoneRunning() *Failure {
	pause := w.Stage.Spec.Pause
	if pause == nil {
		return nil
	}
	return refuse(CausePaused, "stage %s is paused by %s%s; `slipway resume %s %s` first, or `slipway rollback`, which works in a pause",
		w.Stage.Spec.Name, pause.By, because(pause.Reason), w.Project.Name, w.Stage.Spec.Name)
}

// requireSource refuses a source that is no release to take anything from.
func (w *askedRelease) requireSource() *Failure {
	name, from := w.Release.Spec.From, w.From
	switch {
	case name == "":
		return refuse(CauseInvalid, "a %s needs a release to take from (spec.from); `slipway releases %s %s` lists them", w.Release.Spec.Trigger, w.Project.Name, w.Stage.Spec.Name)
	case from == nil || from.Spec.Project != w.Project.Name:
		return refuse(CauseInvalid, "project %s has no release %s (any more); `slipway releases %s %s` lists them", w.Project.Name, name, w.Project.Name, w.Stage.Spec.Name)
	case from.Status.Phase != v1alpha1.PhaseSucceeded || from.Status.Bundle == "":
		return refuse(CauseInvalid, "release %s did not succeed (%s), so there is nothing to take from it; choose one that did", name, from.Status.Phase)
	case from.Spec.Head.Commit != w.Release.Spec.Head.Commit:
		return refuse(CauseInvalid, "release %s is of commit %.8s, not of %.8s; ask again with `slipway`", name, from.Spec.Head.Commit, w.Release.Spec.Head.Commit)
	}
	return nil
}

// requireOwnSource refuses a source that is another stage's.
func (w *askedRelease) requireOwnSource() *Failure {
	if refused := w.requireSource(); refused != nil {
		return refused
	}
	if w.From.Spec.Stage != w.Stage.Name {
		return refuse(CauseInvalid, "release %s is of stage %s; only `slipway promote` takes from another stage", w.From.Name, w.From.Spec.Stage)
	}
	return nil
}

// checkDeploy refuses a commit that the stage's ref does not lead to, and one
// that is quarantined unless an owner asks.
func (w *askedRelease) checkDeploy(ctx context.Context) (*Failure, error) {
	if refused := w.requireNoneRunning(); refused != nil {
		return refused, nil
	}
	commit, stage := w.Release.Spec.Head.Commit, w.Stage.Spec
	if stage.PromoteFrom != "" {
		return refuse(CauseInvalid, "stage %s takes only what was released to stage %s (%s); `slipway promote %s %s`", stage.Name, stage.PromoteFrom,
			whereIn(w.document)("stages."+w.rule.Name+".promoteFrom"), w.Project.Name, stage.Name), nil
	}
	if q := w.history.Quarantine(w.Stage.Status.Quarantine); q != nil && q.Commit == commit {
		if _, refusal := w.permit(project.ActionQuarantine); refusal != "" {
			return refuse(CauseQuarantined, "commit %.8s %s. %s", commit, wentBack(q), refusal), nil
		}
	}
	if commit == stage.Wanted.Commit {
		return nil, nil
	}
	reached, err := w.Sources.Descends(ctx, w.Project, stage.Wanted.Commit, commit)
	if err != nil && fault.CodeOf(err) != fault.NotFound {
		return nil, err
	}
	if !reached {
		return refuse(CauseInvalid, "commit %.8s is not in the history of %s, which feeds stage %s; push it there first", commit, stage.Ref, stage.Name), nil
	}
	return nil, nil
}
