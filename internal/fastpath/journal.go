package fastpath

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/queue"
)

// PhaseDelay is how long a phase lasts before it is written: a release that is
// through it sooner says only how it ended.
const PhaseDelay = time.Second

// writeTimeout bounds one write of a phase.
const writeTimeout = 15 * time.Second

// Journals opens the journals of releases.
type Journals struct {
	Client client.Client
	Gate   *queue.PriorityGate // at which a release is urgent until its objects are applied
	Delay  time.Duration       // of phases, usually PhaseDelay; 0 writes each at once
	Log    *slog.Logger
}

// Journal writes what changed in a release's status. The field that the
// reporter owns is left to it. A journal belongs to one run, which closes it.
//
// The end of a release, and what makes it wait for long, is durable when Write
// returns. The phases between are not needed to go on after a crash, because
// the bundle is found by its content, builds by their inputs and objects in
// the inventory; they are written beside the work, and only when they last.
type Journal struct {
	journals *Journals
	stage    client.ObjectKey

	mu       sync.Mutex // held while writing, so that nothing is written out of order
	written  *v1alpha1.Release
	latest   v1alpha1.ReleaseStatus
	timer    *time.Timer // set while latest waits to be written
	closed   bool
	observed []v1alpha1.ServiceStatus // nil before the first
}

// Open returns what writes the status of a release during one run.
func (j *Journals) Open(rel *v1alpha1.Release) *Journal {
	return &Journal{journals: j, stage: client.ObjectKey{Namespace: rel.Namespace, Name: rel.Spec.Stage}, written: rel.DeepCopy()}
}

// Write implements runner.Journal.
func (j *Journal) Write(ctx context.Context, status v1alpha1.ReleaseStatus) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.latest = *status.DeepCopy()
	if status.Phase == v1alpha1.PhaseVerifying || !passing(status.Phase) {
		j.journals.Gate.End(j.stage)
	}
	if !passing(status.Phase) || j.journals.Delay == 0 {
		return j.write(ctx)
	}
	if j.timer == nil {
		j.timer = time.AfterFunc(j.journals.Delay, j.late)
	}
	return nil
}

// passing reports whether a phase may be over in a moment.
func passing(phase v1alpha1.Phase) bool {
	switch phase {
	case v1alpha1.PhasePending, v1alpha1.PhaseRendering, v1alpha1.PhaseApplying, v1alpha1.PhaseVerifying:
		return true
	}
	return false
}

// late writes a phase that lasts. One that can't be written is made good by
// the next.
func (j *Journal) late() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.timer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if err := j.write(ctx); err != nil {
		j.journals.Log.Warn("show the phase of a release", "release", j.written.Name, "error", err)
	}
}

// write makes the latest status durable; the caller holds the lock.
func (j *Journal) write(ctx context.Context) error {
	if j.timer != nil {
		j.timer.Stop()
		j.timer = nil
	}
	after := j.written.DeepCopy()
	after.Status = *j.latest.DeepCopy()
	after.Status.Reported = j.written.Status.Reported
	after.Status.ObservedGeneration = after.Generation
	if err := kube.PatchStatus(ctx, j.journals.Client, j.written.DeepCopy(), after); err != nil {
		return err
	}
	j.written = after
	return nil
}

// Close drops a phase that was not written yet and waits for one that is being
// written. The release is not urgent any more.
func (j *Journal) Close() {
	defer j.journals.Gate.End(j.stage)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	if j.timer != nil {
		j.timer.Stop()
		j.timer = nil
	}
}

// Finished returns the release as it was written, and whether that is its end.
func (j *Journal) Finished() (*v1alpha1.Release, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.written, j.written.Status.Phase.Done()
}

// Observe writes how the stage's services run to the stage's status.
func (j *Journal) Observe(ctx context.Context, services []v1alpha1.ServiceStatus) error {
	var stage v1alpha1.Stage
	if err := j.journals.Client.Get(ctx, j.stage, &stage); err != nil {
		return fmt.Errorf("read stage %s: %w", j.stage.Name, err)
	}
	if j.observed != nil {
		stage.Status.Services = j.observed // what the watch cache may not show yet
	}
	after := stage.DeepCopy()
	after.Status.Services = services
	if err := kube.PatchStatus(ctx, j.journals.Client, &stage, after); err != nil {
		return err
	}
	j.observed = slices.Clone(services)
	return nil
}
