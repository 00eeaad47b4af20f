package fastpath

import (
	"context"
	"log/slog"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	controllerrelease "github.com/slipway-dev/slipway/internal/controller/release"
	"github.com/slipway-dev/slipway/internal/controller/stage"
	"github.com/slipway-dev/slipway/internal/release"
)

// FastPath takes a stage that a sync changed straight to its release, in the
// sync's own process, where two watches would do the same a moment later. What
// needs no cluster is done while stage and release are made durable.
//
// It is a short cut and nothing else: whatever it does not do, or what a crash
// keeps it from, the reconcilers do when they see the objects, and they do
// nothing again that it did.
type FastPath struct {
	Stages   *stage.Reconciler
	Releases *controllerrelease.Reconciler
	Log      *slog.Logger
}

// Through calls write, which makes a stage durable and fills in what the API
// server made of it, and starts the stage's release after it.
func (h *FastPath) Through(ctx context.Context, stage *v1alpha1.Stage, write func() error) error {
	name := client.ObjectKeyFromObject(stage)
	let := h.Stages.Queue.Reserve(name)
	defer let()
	h.Releases.Gate.Begin(name)
	started := false
	defer func() {
		if !started {
			h.Releases.Gate.End(name)
		}
	}()
	early := h.speculate(ctx, stage.DeepCopy()) // which is read while write fills in the stage
	if err := write(); err != nil {
		return err
	}
	started, err := h.start(ctx, stage, early)
	if err != nil {
		h.Log.Warn("start a release at once; it starts a little later", "project", stage.Spec.Project, "stage", stage.Spec.Name, "error", err)
	}
	return nil
}

// speculate begins what a push to the stage will need, nil when it needs no
// release or that can't be told.
func (h *FastPath) speculate(ctx context.Context, stage *v1alpha1.Stage) *release.Speculation {
	if h.Stages.Queue.Full() {
		return nil // it would wait, and take memory meanwhile
	}
	releases, step, err := h.Stages.Next(ctx, stage)
	if err != nil || step.Trigger != v1alpha1.TriggerPush {
		return nil
	}
	early, err := h.Releases.Speculate(ctx, stage, stage.NewRelease(stage, release.NextNumber(stage, releases), step))
	if err != nil {
		return nil
	}
	return early
}

// start makes a stage's release and gives it to its lane, if it is due.
func (h *FastPath) start(ctx context.Context, stage *v1alpha1.Stage, early *release.Speculation) (started bool, err error) {
	if !stage.DeletionTimestamp.IsZero() {
		return false, nil
	}
	releases, step, err := h.Stages.Next(ctx, stage)
	if err != nil || step.Trigger != v1alpha1.TriggerPush {
		return false, err
	}
	made, err := h.Stages.Release(ctx, stage, releases, step)
	if err != nil || made == nil {
		return false, err
	}
	return true, h.Releases.Begin(ctx, stage, made, early)
}
