package fastpath

import (
	"context"
	"log/slog"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/runner"
)

// Stages decides what stages do next, and makes their releases.
type Stages interface {
	// Next decides what a stage does next, and returns the stage's releases,
	// the newest first.
	Next(ctx context.Context, stage *v1alpha1.Stage) ([]v1alpha1.Release, release.Step, error)
	// Release creates the release of a step and returns it, nil when there is
	// one of that number.
	Release(ctx context.Context, stage *v1alpha1.Stage, releases []v1alpha1.Release, step release.Step) (*v1alpha1.Release, error)
}

// Releases runs releases.
type Releases interface {
	// Begin queues a release that was created a moment ago.
	Begin(ctx context.Context, stage *v1alpha1.Stage, rel *v1alpha1.Release, speculation *runner.Speculation) error
}

// Speculator works on releases that are not durable yet.
type Speculator interface {
	// Speculate begins the part of a stage's next release that changes nothing
	// in the stage's cluster.
	Speculate(ctx context.Context, stage *v1alpha1.Stage, rel *v1alpha1.Release) (*runner.Speculation, error)
}

// FastPath takes a stage that a sync changed straight to its release, in the
// sync's own process, where two watches would do the same a moment later. What
// needs no cluster is done while stage and release are made durable.
//
// It only saves time: whatever it does not do, or a crash keeps it from doing,
// the reconcilers do when they see the objects, and they do nothing again that
// it did.
type FastPath struct {
	Stages     Stages
	Releases   Releases
	Speculator Speculator // nil: nothing is done before the release is durable
	Queue      *queue.Queue
	Gate       *queue.PriorityGate // of statuses, which wait for releases on their way
	Log        *slog.Logger
}

// Through calls write, which makes a stage durable and fills in what the API
// server made of it, and starts the stage's release after it.
func (f *FastPath) Through(ctx context.Context, stage *v1alpha1.Stage, write func() error) error {
	name := client.ObjectKeyFromObject(stage)
	release := f.Queue.Reserve(name)
	defer release()
	f.Gate.Begin(name)
	started := false
	defer func() {
		if !started {
			f.Gate.End(name)
		}
	}()
	speculation := f.speculate(ctx, stage.DeepCopy()) // which is read while write fills in the stage
	if err := write(); err != nil {
		return err
	}
	started, err := f.start(ctx, stage, speculation)
	if err != nil {
		f.Log.Warn("start a release at once; it starts a little later", "project", stage.Spec.Project, "stage", stage.Spec.Name, "error", err)
	}
	return nil
}

// speculate begins what a push to the stage will need. It returns nil when the
// stage needs no release, or it isn't known whether it does.
func (f *FastPath) speculate(ctx context.Context, stage *v1alpha1.Stage) *runner.Speculation {
	if f.Speculator == nil || f.Queue.Full() {
		return nil // in a full queue it would wait, and take memory meanwhile
	}
	releases, step, err := f.Stages.Next(ctx, stage)
	if err != nil || step.Trigger != v1alpha1.TriggerPush {
		return nil
	}
	speculation, err := f.Speculator.Speculate(ctx, stage, release.New(stage, release.NextNumber(stage, releases), step))
	if err != nil {
		return nil
	}
	return speculation
}

// start creates a stage's release and queues it, if one is due.
func (f *FastPath) start(ctx context.Context, stage *v1alpha1.Stage, speculation *runner.Speculation) (started bool, err error) {
	if !stage.DeletionTimestamp.IsZero() {
		return false, nil
	}
	releases, step, err := f.Stages.Next(ctx, stage)
	if err != nil || step.Trigger != v1alpha1.TriggerPush {
		return false, err
	}
	made, err := f.Stages.Release(ctx, stage, releases, step)
	if err != nil || made == nil {
		return false, err
	}
	return true, f.Releases.Begin(ctx, stage, made, speculation)
}
