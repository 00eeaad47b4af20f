package release

import (
	"fmt"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/entrance"
	"github.com/slipway-dev/slipway/internal/project"
)

// Applied returns the manifests of a release as they are applied to its stage: with
// routes to the gate where that is in front, and with the replicas that people set, or
// without pods when the release puts the stage to sleep.
func Applied(manifests []byte, stage *v1alpha1.Stage, trigger v1alpha1.Trigger) ([]byte, error) {
	if stage.Spec.Gated {
		var err error
		if manifests, _, err = entrance.Gated(manifests); err != nil {
			return nil, fmt.Errorf("lead routes to the gate: %w", err)
		}
	}
	if !trigger.Sleeps() {
		return Scaled(manifests, stage.Status.Scale)
	}
	return rewrite(manifests, func(object *scalable, _ bool) map[string]any {
		switch object.Kind {
		case cronJob:
			return map[string]any{"suspend": true}
		case autoscaler: // it leaves alone what has no replicas
			return nil
		}
		return map[string]any{"replicas": int32(0)}
	})
}

// Asleep returns the release that put the stage to sleep, nil while it is awake.
func (h History) Asleep() *v1alpha1.Release {
	if present := h.Present(); present != nil && present.Spec.Trigger.Sleeps() && CameToApplying(present.Status) {
		return present
	}
	return nil
}

// AsleepOf says since when a stage sleeps, and why; nil while it is awake, or falls
// asleep only now.
func AsleepOf(h History) *v1alpha1.Asleep {
	asleep := h.Asleep()
	if asleep == nil || asleep.Status.Phase != v1alpha1.PhaseSucceeded {
		return nil
	}
	status := v1alpha1.Asleep{By: asleep.Spec.By, Reason: asleep.Spec.Reason}
	status.Since.Time = begun(asleep)
	return &status
}

// AsleepText says since when a stage sleeps, why, and what wakes it.
func AsleepText(stage *v1alpha1.Stage) string {
	asleep := stage.Status.Asleep
	if asleep == nil {
		return ""
	}
	var text strings.Builder
	text.WriteString("asleep since " + asleep.Since.UTC().Format("2006-01-02 15:04 MST"))
	if asleep.By != "" {
		text.WriteString(", as " + asleep.By + " asked")
	}
	text.WriteString(Because(asleep.Reason) + "; ")
	if stage.Spec.Gated {
		text.WriteString("the next visit wakes it, or ")
	}
	fmt.Fprintf(&text, "`slipway wake %s %s`", stage.Spec.Project, stage.Spec.Name)
	return text.String()
}

// MaySleep reports whether people may put a stage to sleep: a preview, and a stage
// whose rule says that it sleeps.
func MaySleep(stage *v1alpha1.Stage) bool {
	return stage.IsPreview() || stage.Spec.Sleep != nil && stage.Spec.Sleep.Hours != ""
}

// Rest decides whether a stage falls asleep or wakes by itself, and how long to wait
// before that is decided anew; 0 means until something changes. A stage whose newest
// release isn't done, or was held, is left alone, but for one: a push that is held keeps
// nobody from waking the stage. It is made again afterwards, which holds for no release
// that a person asked for.
func Rest(stage *v1alpha1.Stage, h History, now time.Time) (Step, time.Duration) {
	if h.Asleep() != nil && h[0].Status.Phase == v1alpha1.PhaseHeld && h[0].Spec.Trigger == v1alpha1.TriggerPush {
		h = h[1:]
	}
	if len(h) == 0 || !h[0].Status.Phase.Done() {
		return Step{}, 0
	}
	present := h.Present()
	if !CameToApplying(present.Status) || present.Status.Bundle == "" {
		return Step{}, 0
	}
	r := rest{stage: stage, present: present, last: begun(&h[0]), now: now}
	if h.Asleep() != nil {
		return r.wake()
	}
	return r.sleep()
}

// rest is what decides whether a stage sleeps.
type rest struct {
	stage   *v1alpha1.Stage
	present *v1alpha1.Release // whose manifests it has
	last    time.Time         // when its newest release began
	now     time.Time
}

// sleep decides about a stage that is awake.
func (r rest) sleep() (Step, time.Duration) {
	sleep := r.stage.Spec.Sleep
	if sleep == nil {
		return Step{}, 0
	}
	if room := sleep.Room; room != nil && r.stage.Spec.Gated && LastActive(r.stage, r.last).Before(room.Time) {
		return r.step(v1alpha1.TriggerAutoSleep, "another preview needs its place"), 0
	}
	var again time.Duration
	if sleep.After != nil && r.stage.Spec.Gated {
		if again = LastActive(r.stage, r.last).Add(sleep.After.Duration).Sub(r.now); again <= 0 {
			return r.step(v1alpha1.TriggerAutoSleep, "nobody visited it for "+shortDuration(sleep.After.Duration)), 0
		}
	}
	hours, err := project.ParseHours(sleep.Hours)
	if err != nil {
		return Step{}, again // empty: the project file's check refuses others
	}
	began, ended, next := hours.Around(r.now)
	if began.After(ended) && r.last.Before(began) {
		return r.step(v1alpha1.TriggerAutoSleep, "it sleeps "+sleep.Hours), 0
	}
	if until := next.Sub(r.now); again == 0 || until < again {
		again = until
	}
	return Step{}, again
}

// wake decides about a stage that is asleep. One that was asked to sleep sleeps until
// somebody visits it or asks.
func (r rest) wake() (Step, time.Duration) {
	if visited := r.stage.Status.Visited; visited != nil && visited.After(begun(r.present)) && r.last.Before(visited.Time) {
		return r.step(v1alpha1.TriggerAutoWake, "somebody visits it"), 0
	}
	if r.present.Spec.Trigger != v1alpha1.TriggerAutoSleep {
		return Step{}, 0
	}
	sleep := r.stage.Spec.Sleep
	if sleep == nil || sleep.Hours == "" {
		if !r.stage.Spec.Gated && r.last.Equal(begun(r.present)) {
			return r.step(v1alpha1.TriggerAutoWake, "nothing has it sleep any more"), 0
		}
		return Step{}, 0 // the next visit wakes it
	}
	hours, err := project.ParseHours(sleep.Hours)
	if err != nil {
		return Step{}, 0
	}
	_, ended, next := hours.Around(r.now)
	if r.last.Before(ended) {
		return r.step(v1alpha1.TriggerAutoWake, "it sleeps "+sleep.Hours), 0
	}
	return Step{}, next.Sub(r.now)
}

func (r rest) step(trigger v1alpha1.Trigger, why string) Step {
	return Step{Trigger: trigger, From: r.present, Because: why}
}

// LastActive returns when a stage was last visited, or released to: its newest release
// began at last.
func LastActive(stage *v1alpha1.Stage, last time.Time) time.Time {
	if visited := stage.Status.Visited; visited != nil && visited.After(last) {
		return visited.Time
	}
	return last
}

// begun returns when a release began to apply, else when it was made.
func begun(r *v1alpha1.Release) time.Time {
	for _, t := range r.Status.Timings {
		if t.Phase == v1alpha1.PhaseApplying {
			return t.At.Time
		}
	}
	return r.CreationTimestamp.Time
}

// shortDuration writes 8h for 8h0m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
