package operate

import (
	"context"
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Pause stops the stage's automatic releases. It returns false when the stage
// was paused already, and then changes nothing.
func (s *Stage) Pause(ctx context.Context, who Actor) (bool, error) {
	if s.Object.Spec.Pause != nil {
		return false, nil
	}
	after := s.Object.DeepCopy()
	after.Spec.Pause = &v1alpha1.Pause{By: who.Name, Reason: who.Reason, At: metav1.Now()}
	return true, s.change(ctx, after, "pause")
}

// Resume lets a paused stage release by itself again. It returns the pause that
// it ended, nil when the stage was not paused.
func (s *Stage) Resume(ctx context.Context) (*v1alpha1.Pause, error) {
	was := s.Object.Spec.Pause
	if was == nil {
		return nil, nil
	}
	after := s.Object.DeepCopy()
	after.Spec.Pause = nil
	return was, s.change(ctx, after, "resume")
}

// Extend lets a preview live at least as long from a moment on. It returns until when.
func (s *Stage) Extend(ctx context.Context, who Actor, from time.Time, by time.Duration) (time.Time, error) {
	if !s.Object.IsPreview() {
		return time.Time{}, fault.New(fault.Invalid, "%s is no preview, so it can't be extended", s)
	}
	after := s.Object.DeepCopy()
	from = from.UTC().Truncate(time.Second)
	after.Spec.Extension = &v1alpha1.Extension{By: who.Name, At: metav1.Time{Time: from}, Until: metav1.Time{Time: from.Add(by)}}
	return from.Add(by), s.change(ctx, after, "extend")
}

// SetReplicas gives a service a number of replicas that holds through later
// releases; nil gives the project file the say again. ApplyReplicas brings the
// number to what runs.
func (s *Stage) SetReplicas(ctx context.Context, service string, replicas *int32) error {
	if err := s.checkServices(service); err != nil {
		return err
	}
	after := s.Object.DeepCopy()
	after.Spec.Scale = maps.Clone(after.Spec.Scale)
	if after.Spec.Scale == nil {
		after.Spec.Scale = map[string]int32{}
	}
	if replicas != nil {
		after.Spec.Scale[service] = *replicas
	} else {
		delete(after.Spec.Scale, service)
	}
	return s.change(ctx, after, "scale "+service+" of")
}

// ApplyReplicas requests a release that brings the replicas of SetReplicas to
// what runs. It returns nil when nothing has gone live yet: the first release
// will have them.
func (s *Stage) ApplyReplicas(ctx context.Context, who Actor) (*v1alpha1.Release, error) {
	good := s.Good()
	if good == nil {
		return nil, nil
	}
	return s.request(ctx, who, v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerScale, Head: good.Spec.Head, From: good.Name})
}

// Sleep requests that the stage has no pods until somebody wakes it. It returns nil when
// the stage is asleep already.
func (s *Stage) Sleep(ctx context.Context, who Actor) (*v1alpha1.Release, error) {
	return s.rest(ctx, who, v1alpha1.TriggerSleep)
}

// Wake requests that the stage has its pods again. It returns nil when the stage is
// awake already.
func (s *Stage) Wake(ctx context.Context, who Actor) (*v1alpha1.Release, error) {
	return s.rest(ctx, who, v1alpha1.TriggerWake)
}

// rest requests what keeps the stage's manifests and takes or gives its pods.
func (s *Stage) rest(ctx context.Context, who Actor, trigger v1alpha1.Trigger) (*v1alpha1.Release, error) {
	history := s.history()
	if asleep := history.Asleep() != nil; asleep == trigger.Sleeps() {
		return nil, nil
	}
	present := history.Present()
	if present == nil || present.Status.Bundle == "" {
		return nil, s.nothingLive()
	}
	return s.request(ctx, who, v1alpha1.ReleaseSpec{Trigger: trigger, Head: present.Spec.Head, From: present.Name})
}

// change writes what a person changed in the stage's spec.
func (s *Stage) change(ctx context.Context, after *v1alpha1.Stage, action string) error {
	if err := s.client.Patch(ctx, after, client.MergeFrom(s.Object)); err != nil {
		return Explain(err, "%s stage %s", action, s)
	}
	s.Object = after
	return nil
}

// PausedBy says who paused a stage, since when and why.
func PausedBy(pause *v1alpha1.Pause) string {
	text := "by " + pause.By + " since " + pause.At.UTC().Format("2006-01-02 15:04 MST")
	if pause.Reason != "" {
		text += ": " + pause.Reason
	}
	return text
}
