package queue

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/release"
)

// Queue run releases: one lane per stage, at most one release at a time in
// each, the newest wins. A newer release cancels the running one with
// release.ErrSuperseded as the cause and starts when it has stopped; of those
// that wait only the newest is kept.
//
// Lanes are safe for concurrent use. Close cancels everything and waits.
type Queue struct {
	ctx    context.Context
	cancel context.CancelFunc
	slots  chan struct{}
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
	running job
	cancel  context.CancelCauseFunc
	waiting *job
}

// job is one release to run. Run reports whether it needs no other run.
type job struct {
	sequence int64
	run      func(context.Context) (over bool)
}

// New returns lanes that run at most parallel releases at the same time.
func New(parallel int) *Queue {
	ctx, cancel := context.WithCancel(context.Background())
	return &Queue{
		ctx: ctx, cancel: cancel, slots: make(chan struct{}, parallel),
		stages: map[types.NamespacedName]*stageQueue{}, over: map[types.NamespacedName]int64{}, reserved: map[types.NamespacedName]int{},
	}
}

// Submit asks for run to be called for the stage's release number sequence.
// A release that runs, waits or is over already, or that is older than one
// that does or is, is left alone.
func (l *Queue) Submit(stage types.NamespacedName, sequence int64, run func(context.Context) (over bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil || sequence <= l.over[stage] {
		return
	}
	next := job{sequence: sequence, run: run}
	current, busy := l.stages[stage]
	if !busy {
		l.start(stage, next)
		return
	}
	if sequence <= current.running.sequence || (current.waiting != nil && sequence <= current.waiting.sequence) {
		return
	}
	current.waiting = &next
	current.cancel(release.ErrSuperseded)
}

// Stop cancels what runs in the stage's lane and forgets what waits. It
// returns true when the lane is empty; until then call it again.
func (l *Queue) Stop(stage types.NamespacedName) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	current, busy := l.stages[stage]
	if !busy {
		delete(l.over, stage)
		return true
	}
	current.waiting = nil
	current.cancel(release.ErrSuperseded)
	return false
}

// Running returns the number of the release that runs in the stage's lane, 0
// when none does.
func (l *Queue) Running(stage types.NamespacedName) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if current, busy := l.stages[stage]; busy {
		return current.running.sequence
	}
	return 0
}

// Go calls work beside the lanes; Close cancels it and waits for it, too.
func (l *Queue) Go(work func(context.Context)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	l.wg.Go(func() { work(l.ctx) })
}

// Reserve makes a stage busy until let is called: a release of it is prepared.
func (l *Queue) Reserve(stage types.NamespacedName) (let func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reserved[stage]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.reserved[stage]--; l.reserved[stage] == 0 {
			delete(l.reserved, stage)
		}
	}
}

// Reserved reports whether a release of the stage is prepared.
func (l *Queue) Reserved(stage types.NamespacedName) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reserved[stage] > 0
}

// Full reports whether another release would have to wait.
func (l *Queue) Full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.stages) >= cap(l.slots)
}

// Busy reports whether a release of the stage runs or is prepared.
func (l *Queue) Busy(stage types.NamespacedName) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, runs := l.stages[stage]
	return runs || l.reserved[stage] > 0
}

// Newest returns the number of the newest release of the stage that runs,
// waits or is over, 0 when none is known.
func (l *Queue) Newest(stage types.NamespacedName) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	newest := l.over[stage]
	if current, busy := l.stages[stage]; busy {
		newest = max(newest, current.running.sequence)
		if current.waiting != nil {
			newest = max(newest, current.waiting.sequence)
		}
	}
	return newest
}

// Close cancels every release, as a server that stops does, and waits for
// them to return. They go on where they were after the next start.
func (l *Queue) Close() {
	l.mu.Lock()
	l.cancel()
	l.mu.Unlock()
	l.wg.Wait()
}

// start runs a job in an empty lane; the caller holds the lock.
func (l *Queue) start(stage types.NamespacedName, next job) {
	ctx, cancel := context.WithCancelCause(l.ctx)
	l.stages[stage] = &stageQueue{running: next, cancel: cancel}
	l.wg.Go(func() {
		defer cancel(nil)
		var over bool
		select {
		case l.slots <- struct{}{}:
			over = next.run(ctx)
			<-l.slots
		case <-ctx.Done():
			over = next.run(ctx)
		}
		l.finish(stage, next.sequence, over)
	})
}

// finish empties a lane, or starts what waits in it.
func (l *Queue) finish(stage types.NamespacedName, sequence int64, over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if over {
		l.over[stage] = sequence
	}
	waiting := l.stages[stage].waiting
	delete(l.stages, stage)
	if waiting != nil && l.ctx.Err() == nil {
		l.start(stage, *waiting)
	}
}
