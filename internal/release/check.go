package release

import (
	"context"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
)

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

// checkPromotion refuses a source that may not feed the stage.
func (w *askedRelease) checkPromotion() *Failure {
	if refused := w.requireNoneRunning(); refused != nil {
		return refused
	}
	if refused := w.requireSource(); refused != nil {
		return refused
	}
	wanted := w.Stage.Spec.PromoteFrom
	switch {
	case w.From.Spec.Stage == w.Stage.Name:
		return refuse(CauseInvalid, "release %s is of stage %s itself; `slipway rollback` goes back to it", w.From.Name, w.Stage.Spec.Name)
	case wanted != "" && w.From.Spec.Stage != naming.StageObject(w.Project.Name, wanted):
		return refuse(CauseInvalid, "stage %s takes only what was released to stage %s (%s), and release %s was not; choose one of its releases", w.Stage.Spec.Name, wanted,
			whereIn(w.document)("stages."+w.rule.Name+".promoteFrom"), w.From.Name)
	case w.FromStage == nil || w.FromStage.Spec.PullRequest != 0:
		return refuse(CauseInvalid, "release %s is of a preview or of a stage that is gone; only what a stage of the file runs can be promoted", w.From.Name)
	}
	return nil
}

// checkRollback refuses to go back from nothing, and says what is quarantined
// from now on: the commit that was brought last, whatever became of it.
func (w *askedRelease) checkRollback(answer *Answer) *Failure {
	if refused := w.requireOwnSource(); refused != nil {
		return refused
	}
	bad := w.history.LastDeploy()
	if bad == nil {
		return refuse(CauseConflict, "stage %s was brought to no commit yet, so there is nothing to go back from; `slipway deploy %s %s`", w.Stage.Spec.Name, w.Project.Name, w.Stage.Spec.Name)
	}
	if bad.Name == w.From.Name {
		return refuse(CauseConflict, "release %s is the newest commit of stage %s, so there is nothing to go back from; choose an older one", bad.Name, w.Stage.Spec.Name)
	}
	answer.Quarantine = w.history.Quarantine(w.Stage.Status.Quarantine)
	if answer.Quarantine == nil || answer.Quarantine.Release != bad.Name {
		answer.Quarantine = QuarantineOf(bad, w.Release)
	}
	return nil
}

// maxReplicas is the most that a service can be scaled to, as in the file.
const maxReplicas = 1000

// requireSteadyStage refuses to restart or scale anything but what runs: from the last
// good release, while no other is under way. Else it would be a way to go back
// or to stop a release for people who may do neither.
func (w *askedRelease) requireSteadyStage() *Failure {
	if refused := w.requireOwnSource(); refused != nil {
		return refused
	}
	good := w.history.Good()
	if good == nil || good.Name != w.From.Name {
		return refuse(CauseConflict, "release %s is not the last good one of stage %s; `slipway rollback` goes back to it", w.From.Name, w.Stage.Spec.Name)
	}
	for _, newer := range w.history {
		if newer.Spec.Sequence <= good.Spec.Sequence {
			break
		}
		switch {
		case !newer.Status.Phase.Done() && newer.Status.Phase != v1alpha1.PhaseHeld:
			return refuse(CauseConflict, "release %s of stage %s is under way (%s); wait for its end", newer.Name, w.Stage.Spec.Name, newer.Status.Phase)
		case CameToApplying(newer.Status):
			return refuse(CauseConflict, "release %s of stage %s ended as %s after it had begun to change things, so what runs is not one release; `slipway rollback %s %s` or push a fix first",
				newer.Name, w.Stage.Spec.Name, newer.Status.Phase, w.Project.Name, w.Stage.Spec.Name)
		}
	}
	return nil
}

// checkRestart refuses to restart what the stage does not run.
func (w *askedRelease) checkRestart() *Failure {
	if refused := w.requireSteadyStage(); refused != nil {
		return refused
	}
	for _, name := range w.Release.Spec.Services {
		if !slices.ContainsFunc(w.From.Status.Services, func(s v1alpha1.ReleaseService) bool { return s.Name == name }) {
			return refuse(CauseInvalid, "stage %s has no service %s to restart; `slipway status %s %s` lists them", w.Stage.Spec.Name, name, w.Project.Name, w.Stage.Spec.Name)
		}
	}
	return nil
}

// checkScale refuses replicas that no service can have, and brings those that
// the stage's spec asks for into force.
func (w *askedRelease) checkScale(answer *Answer) *Failure {
	if refused := w.requireSteadyStage(); refused != nil {
		return refused
	}
	services := w.document.Effective(w.rule.Name)
	answer.Scales, answer.Scale = true, map[string]int32{}
	for _, name := range slices.Sorted(maps.Keys(w.Stage.Spec.Scale)) {
		replicas := w.Stage.Spec.Scale[name]
		service, known := services[name]
		switch {
		case replicas < 0:
			continue
		case !known:
			return refuse(CauseInvalid, "stage %s has no service %s to scale; take it back: `slipway scale %s %s %s=-1`", w.Stage.Spec.Name, name, w.Project.Name, w.Stage.Spec.Name, name)
		case service.Schedule != "" || replicas > maxReplicas:
			return refuse(CauseInvalid, "service %s can't have %d replicas: scheduled services have none, others at most %d", name, replicas, maxReplicas)
		}
		answer.Scale[name] = replicas
	}
	return nil
}
