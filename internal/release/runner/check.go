package runner

import (
	"context"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
)

// requireNotPaused refuses a release while its stage is paused.
func (a *askedRelease) requireNotPaused() *release.Failure {
	pause := a.Stage.Spec.Pause
	if pause == nil {
		return nil
	}
	return refuse(release.CausePaused, "stage %s is paused by %s%s; `slipway resume %s %s` first, or `slipway rollback`, which works in a pause",
		a.Stage.Spec.Name, pause.By, release.Because(pause.Reason), a.Project.Name, a.Stage.Spec.Name)
}

// requireSource refuses a missing source, and one that has nothing to take.
func (a *askedRelease) requireSource() *release.Failure {
	name, from := a.Release.Spec.From, a.From
	switch {
	case name == "":
		return refuse(release.CauseInvalid, "a %s needs the release that it takes from (spec.from); `slipway releases %s %s` lists them", a.Release.Spec.Trigger, a.Project.Name, a.Stage.Spec.Name)
	case from == nil || from.Spec.Project != a.Project.Name:
		return refuse(release.CauseInvalid, "project %s has no release %s (any more); `slipway releases %s %s` lists them", a.Project.Name, name, a.Project.Name, a.Stage.Spec.Name)
	case from.Status.Phase != v1alpha1.PhaseSucceeded || from.Status.Bundle == "":
		return refuse(release.CauseInvalid, "release %s did not succeed (%s), so there is nothing to take from it; choose one that did", name, from.Status.Phase)
	case from.Spec.Trigger.Sleeps():
		return refuse(release.CauseInvalid, "release %s put its stage to sleep, so there is nothing to take from it; choose the release before", name)
	case from.Spec.Head.Commit != a.Release.Spec.Head.Commit:
		return refuse(release.CauseInvalid, "release %s is of commit %.8s, not of %.8s; request it again with `slipway`", name, from.Spec.Head.Commit, a.Release.Spec.Head.Commit)
	}
	return nil
}

// requireOwnSource refuses a source that belongs to another stage.
func (a *askedRelease) requireOwnSource() *release.Failure {
	if refused := a.requireSource(); refused != nil {
		return refused
	}
	if a.From.Spec.Stage != a.Stage.Name {
		return refuse(release.CauseInvalid, "release %s is of stage %s; only `slipway promote` takes from another stage", a.From.Name, a.From.Spec.Stage)
	}
	return nil
}

// checkDeploy refuses a commit that is not in the history of the stage's ref, and
// a quarantined commit unless an owner requests it.
func (a *askedRelease) checkDeploy(ctx context.Context) (*release.Failure, error) {
	if refused := a.requireNotPaused(); refused != nil {
		return refused, nil
	}
	commit, stage := a.Release.Spec.Head.Commit, a.Stage.Spec
	if stage.PromoteFrom != "" {
		return refuse(release.CauseInvalid, "stage %s takes only releases of stage %s (%s); `slipway promote %s %s`", stage.Name, stage.PromoteFrom,
			whereIn(a.document)("stages."+a.rule.Name+".promoteFrom"), a.Project.Name, stage.Name), nil
	}
	if refused, err := a.checkQuarantine(ctx); refused != nil || err != nil {
		return refused, err
	}
	reached, err := a.reached(ctx, stage.Wanted.Commit)
	if err != nil {
		return nil, err
	}
	if !reached { // the ref may have moved on to commits that leave the stage as it is
		newest, err := a.Refs.Head(ctx, a.Project, stage.Ref)
		if err == nil {
			reached, err = a.reached(ctx, newest)
		}
		if err != nil && fault.CodeOf(err) != fault.NotFound {
			return nil, err
		}
	}
	if !reached {
		return refuse(release.CauseInvalid, "commit %.8s is not in the history of %s, which feeds stage %s; push it there first", commit, stage.Ref, stage.Name), nil
	}
	return nil, nil
}

// reached reports whether the requested commit is a head of the stage's ref or in
// its history.
func (a *askedRelease) reached(ctx context.Context, head string) (bool, error) {
	commit := a.Release.Spec.Head.Commit
	if commit == head {
		return true, nil
	}
	reached, err := a.Sources.Descends(ctx, a.Project, head, commit)
	if fault.CodeOf(err) == fault.NotFound {
		return false, nil
	}
	return reached, err
}

// checkQuarantine refuses a quarantined commit, and one that equals it, unless an
// owner requests it.
func (a *askedRelease) checkQuarantine(ctx context.Context) (*release.Failure, error) {
	q := a.history.Quarantine(a.Stage.Status.Quarantine)
	if q == nil {
		return nil, nil
	}
	commit := a.Release.Spec.Head.Commit
	equal := q.Commit == commit
	if bad := a.history.Named(q.Release); !equal && bad != nil && bad.Status.Bundle != "" {
		head, err := inForce(a.Project)
		if err != nil {
			return nil, err
		}
		head.Commit = commit
		equal, err = a.NewComparison().Equal(ctx, a.Inputs, bad, head)
		if fault.CodeOf(err) == fault.Unavailable {
			return nil, err
		}
	}
	if !equal {
		return nil, nil
	}
	if _, refusal := a.permit(project.ActionQuarantine); refusal != "" {
		return refuse(release.CauseQuarantined, "commit %.8s %s. %s", q.Commit, release.QuarantineCause(q), refusal), nil
	}
	return nil, nil
}

// checkPromotion refuses a source that must not be promoted to the stage.
func (a *askedRelease) checkPromotion() *release.Failure {
	if refused := a.requireNotPaused(); refused != nil {
		return refused
	}
	if refused := a.requireSource(); refused != nil {
		return refused
	}
	wanted := a.Stage.Spec.PromoteFrom
	switch {
	case a.From.Spec.Stage == a.Stage.Name:
		return refuse(release.CauseInvalid, "release %s is of stage %s itself; `slipway rollback` goes back to it", a.From.Name, a.Stage.Spec.Name)
	case wanted != "" && a.From.Spec.Stage != naming.StageObject(a.Project.Name, wanted):
		return refuse(release.CauseInvalid, "stage %s takes only releases of stage %s (%s), and release %s is none; choose one of them", a.Stage.Spec.Name, wanted,
			whereIn(a.document)("stages."+a.rule.Name+".promoteFrom"), a.From.Name)
	case a.FromStage == nil || a.FromStage.IsPreview():
		return refuse(release.CauseInvalid, "release %s belongs to a preview or to a stage that is gone; only releases of stages in the project file can be promoted", a.From.Name)
	}
	return nil
}

// checkRollback refuses a rollback that would leave no commit behind. Otherwise
// the commit that was deployed last is quarantined, whatever became of it.
func (a *askedRelease) checkRollback(answer *Answer) *release.Failure {
	if refused := a.requireOwnSource(); refused != nil {
		return refused
	}
	bad := a.history.LastDeploy()
	if bad == nil {
		return refuse(release.CauseConflict, "no commit was deployed to stage %s yet, so there is nothing to roll back; `slipway deploy %s %s` deploys one", a.Stage.Spec.Name, a.Project.Name, a.Stage.Spec.Name)
	}
	if bad.Name == a.From.Name || bad.Status.BundleDigest == a.From.Status.BundleDigest { // restarted, scaled or woken
		return refuse(release.CauseConflict, "release %s deployed the newest commit of stage %s, so there is nothing to roll back; choose an older release", bad.Name, a.Stage.Spec.Name)
	}
	answer.Quarantine = a.history.Quarantine(a.Stage.Status.Quarantine)
	if answer.Quarantine == nil || answer.Quarantine.Release != bad.Name {
		answer.Quarantine = release.QuarantineOf(bad, a.Release)
	}
	return nil
}

// maxReplicas is the most that a service can be scaled to, as in the file.
const maxReplicas = 1000

// requireSteadyStage refuses to restart or scale a stage unless it runs the named
// release: the last good one, with no other release under way or half applied.
// Otherwise people without those rights could roll back or stop a release.
func (a *askedRelease) requireSteadyStage() *release.Failure {
	if refused := a.requireOwnSource(); refused != nil {
		return refused
	}
	good := a.history.Good()
	if good == nil || good.Name != a.From.Name {
		return refuse(release.CauseConflict, "release %s is not the last good release of stage %s; `slipway rollback` goes back to it", a.From.Name, a.Stage.Spec.Name)
	}
	for _, newer := range a.history {
		if newer.Spec.Sequence <= good.Spec.Sequence {
			break
		}
		switch {
		case newer.Spec.Trigger.Sleeps() && newer.Status.BundleDigest == good.Status.BundleDigest && newer.Status.Phase.Done(): // it wakes now
		case !newer.Status.Phase.Done() && newer.Status.Phase != v1alpha1.PhaseHeld:
			return refuse(release.CauseConflict, "release %s of stage %s is under way (%s); wait until it ends", newer.Name, a.Stage.Spec.Name, newer.Status.Phase)
		case release.CameToApplying(newer.Status):
			return refuse(release.CauseConflict, "release %s of stage %s ended as %s after it had begun to change objects, so the stage runs a mixture of releases; `slipway rollback %s %s` or push a fix first",
				newer.Name, a.Stage.Spec.Name, newer.Status.Phase, a.Project.Name, a.Stage.Spec.Name)
		}
	}
	return nil
}

// checkRestart refuses to restart services that the stage does not run.
func (a *askedRelease) checkRestart(ctx context.Context) (*release.Failure, error) {
	if refused := a.requireSteadyStage(); refused != nil || len(a.Release.Spec.Services) == 0 {
		return refused, nil
	}
	from, err := a.Whole(ctx, a.From)
	if fault.CodeOf(err) == fault.NotFound {
		return refuse(release.CauseInvalid, "release %s is gone; request the restart again with `slipway`", a.From.Name), nil
	}
	if err != nil {
		return nil, err
	}
	for _, name := range a.Release.Spec.Services {
		if !slices.ContainsFunc(from.Status.Services, func(s v1alpha1.ReleaseService) bool { return s.Name == name }) {
			return refuse(release.CauseInvalid, "stage %s has no service %s to restart; `slipway status %s %s` lists them", a.Stage.Spec.Name, name, a.Project.Name, a.Stage.Spec.Name), nil
		}
	}
	return nil, nil
}

// checkScale refuses replicas that no service can have. Otherwise the replicas in
// the stage's spec come into force.
func (a *askedRelease) checkScale(answer *Answer) *release.Failure {
	if refused := a.requireSteadyStage(); refused != nil {
		return refused
	}
	services := a.document.Effective(a.rule.Name)
	answer.Scales, answer.Scale = true, map[string]int32{}
	for _, name := range slices.Sorted(maps.Keys(a.Stage.Spec.Scale)) {
		replicas := a.Stage.Spec.Scale[name]
		service, known := services[name]
		switch {
		case replicas < 0:
			continue
		case !known:
			return refuse(release.CauseInvalid, "stage %s has no service %s to scale; `slipway scale %s %s %s=-1` removes the setting", a.Stage.Spec.Name, name, a.Project.Name, a.Stage.Spec.Name, name)
		case service.Schedule != "" || replicas > maxReplicas:
			return refuse(release.CauseInvalid, "service %s can't have %d replicas: scheduled services have none, others at most %d", name, replicas, maxReplicas)
		}
		answer.Scale[name] = replicas
	}
	return nil
}

// checkRest refuses to put a stage to sleep that is not to, or is asleep, to wake one
// that is awake, and either while a release is under way. Both take what the stage has
// now, so that nobody rolls it back or forward with them.
func (a *askedRelease) checkRest() *release.Failure {
	stage, present, sleeps := a.Stage.Spec.Name, a.history.Present(), a.Release.Spec.Trigger.Sleeps()
	switch {
	case sleeps && !release.MaySleep(a.Stage):
		return refuse(release.CauseInvalid, "stage %s is not to sleep: previews may, and stages that say when (%s); add `sleep` there", stage, whereIn(a.document)("stages."+a.rule.Name+".name"))
	case present == nil || present.Status.Bundle == "" || !release.CameToApplying(present.Status):
		return refuse(release.CauseConflict, "nothing runs in stage %s yet; `slipway releases %s %s` shows why", stage, a.Project.Name, stage)
	case a.From == nil || a.From.Name != present.Name || a.Release.Spec.Head.Commit != present.Spec.Head.Commit:
		return refuse(release.CauseConflict, "release %s is not what stage %s has now, which is that of %s; ask again with `slipway`", a.Release.Spec.From, stage, present.Name)
	case sleeps && a.history.Asleep() != nil:
		return refuse(release.CauseConflict, "stage %s is asleep already; `slipway wake %s %s` wakes it", stage, a.Project.Name, stage)
	case !sleeps && a.history.Asleep() == nil:
		return refuse(release.CauseConflict, "stage %s is awake already", stage)
	}
	for _, newer := range a.history {
		if phase := newer.Status.Phase; !phase.Done() && phase != v1alpha1.PhaseHeld {
			return refuse(release.CauseConflict, "release %s of stage %s is under way (%s); wait until it ends", newer.Name, stage, phase)
		}
	}
	return nil
}
