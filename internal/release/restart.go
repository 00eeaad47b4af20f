package release

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

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

// scaleText lists replicas that are in force.
func scaleText(scale map[string]int32) string {
	parts := make([]string, 0, len(scale))
	for _, name := range slices.Sorted(maps.Keys(scale)) {
		parts = append(parts, fmt.Sprintf("%s=%d", name, scale[name]))
	}
	if len(parts) == 0 {
		return "back to the project file"
	}
	return strings.Join(parts, " ")
}
