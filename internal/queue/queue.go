package queue

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/release"
)

// Queue runs releases: of each stage at most one at a time, and the newest wins. A
// newer release cancels the running one with
// release.ErrSuperseded as the cause and starts when it has stopped; of those
// that wait only the newest is kept. When all slots are taken, releases that people
// wait for come before those of pushes.
//
// A Queue is safe for concurrent use. Close cancels everything and waits.
type Queue struct {
	ctx    context.Context
	cancel context.CancelFunc
	slots  *slots
	wg     sync.WaitGroup

	mu     sync.Mutex
	stages map[types.NamespacedName]*stageQueue
	// over is the newest release of each stage that needs no other run,
	// whatever the watch cache still says of it.
	over map[types.NamespacedName]int64
	// reserved counts who prepares a release of a stage.
	reserved map[types.NamespacedName]int
}

type stageQueue struct {
	running Job
	cancel  context.CancelCauseFunc
	waiting *Job
}

// Job is one release to run.
type Job struct {
	Sequence int64 // the release's number at its stage
	Urgent   bool  // somebody waits for it
	// Run runs the release and reports whether it needs no other run.
	Run func(context.Context) (over bool)
}

// New returns a queue that runs at most parallel releases at the same time.
func New(parallel int) *Queue {
	ctx, cancel := context.WithCancel(context.Background())
	return &Queue{
		ctx: ctx, cancel: cancel, slots: newSlots(parallel),
		stages: map[types.NamespacedName]*stageQueue{}, over: map[types.NamespacedName]int64{}, reserved: map[types.NamespacedName]int{},
	}
}

// Submit asks for a release of a stage to be run. One that runs, waits or is over
// already, or that is older than one that does or is, is left alone.
func (q *Queue) Submit(stage types.NamespacedName, next Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ctx.Err() != nil || next.Sequence <= q.over[stage] {
		return
	}
	current, busy := q.stages[stage]
	if !busy {
		q.start(stage, next)
		return
	}
	if next.Sequence <= current.running.Sequence || (current.waiting != nil && next.Sequence <= current.waiting.Sequence) {
		return
	}
	current.waiting = &next
	current.cancel(release.ErrSuperseded)
}

// Stop cancels the stage's running release and forgets what waits. It returns
// true when nothing runs; until then call it again.
func (q *Queue) Stop(stage types.NamespacedName) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	current, busy := q.stages[stage]
	if !busy {
		delete(q.over, stage)
		return true
	}
	current.waiting = nil
	current.cancel(release.ErrSuperseded)
	return false
}

// Running returns the number of the release that runs for the stage, 0
// when none does.
func (q *Queue) Running(stage types.NamespacedName) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	if current, busy := q.stages[stage]; busy {
		return current.running.Sequence
	}
	return 0
}

// Go calls work beside the releases; Close cancels it and waits for it, too.
func (q *Queue) Go(work func(context.Context)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ctx.Err() != nil {
		return
	}
	q.wg.Go(func() { work(q.ctx) })
}

// Reserve makes a stage busy until let is called: a release of it is prepared.
func (q *Queue) Reserve(stage types.NamespacedName) (let func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reserved[stage]++
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.reserved[stage]--; q.reserved[stage] == 0 {
			delete(q.reserved, stage)
		}
	}
}

// Reserved reports whether a release of the stage is prepared.
func (q *Queue) Reserved(stage types.NamespacedName) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.reserved[stage] > 0
}

// Full reports whether another release would have to wait.
func (q *Queue) Full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.stages) >= q.slots.size
}

// Busy reports whether a release of the stage runs or is prepared.
func (q *Queue) Busy(stage types.NamespacedName) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, runs := q.stages[stage]
	return runs || q.reserved[stage] > 0
}

// Newest returns the number of the newest release of the stage that runs,
// waits or is over, 0 when none is known.
func (q *Queue) Newest(stage types.NamespacedName) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	newest := q.over[stage]
	if current, busy := q.stages[stage]; busy {
		newest = max(newest, current.running.Sequence)
		if current.waiting != nil {
			newest = max(newest, current.waiting.Sequence)
		}
	}
	return newest
}

// Close cancels every release, as a server that stops does, and waits for
// them to return. They go on where they were after the next start.
func (q *Queue) Close() {
	q.mu.Lock()
	q.cancel()
	q.mu.Unlock()
	q.wg.Wait()
}

// start runs a job of a stage of which none runs; the caller holds the lock.
func (q *Queue) start(stage types.NamespacedName, next Job) {
	ctx, cancel := context.WithCancelCause(q.ctx)
	q.stages[stage] = &stageQueue{running: next, cancel: cancel}
	q.wg.Go(func() {
		defer cancel(nil)
		if q.slots.take(ctx, next.Urgent) {
			defer q.slots.give()
		}
		q.finish(stage, next.Sequence, next.Run(ctx))
	})
}

// finish ends a stage's job, or starts the one that waits.
func (q *Queue) finish(stage types.NamespacedName, sequence int64, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if over {
		q.over[stage] = sequence
	}
	waiting := q.stages[stage].waiting
	delete(q.stages, stage)
	if waiting != nil && q.ctx.Err() == nil {
		q.start(stage, *waiting)
	}
}
