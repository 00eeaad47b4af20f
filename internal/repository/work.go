package repository

import (
	"context"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Work is what runs for projects that waits for servers of others: it ends with
// its project, and can be named. It is safe for concurrent use.
type Work struct {
	mu    sync.Mutex
	tasks map[types.NamespacedName][]*task
}

// task is one piece of work.
type task struct {
	what string // empty for what only waits for other tasks
	stop context.CancelCauseFunc
}

// Begin records work for a project, which says what it is in a sentence after
// "waits for". Its context ends when the project's work is stopped. End must be
// called when it is done.
func (w *Work) Begin(ctx context.Context, project types.NamespacedName, what string) (_ context.Context, end func()) {
	ctx, stop := context.WithCancelCause(ctx)
	one := &task{what: what, stop: stop}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tasks == nil {
		w.tasks = map[types.NamespacedName][]*task{}
	}
	w.tasks[project] = append(w.tasks[project], one)
	return ctx, func() {
		stop(nil)
		w.forget(project, one)
	}
}

func (w *Work) forget(project types.NamespacedName, one *task) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := slices.DeleteFunc(w.tasks[project], func(t *task) bool { return t == one })
	if len(left) == 0 {
		delete(w.tasks, project)
		return
	}
	w.tasks[project] = left
}

// Stop ends what runs for a project. Its contexts have the cause.
func (w *Work) Stop(project types.NamespacedName, cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.tasks[project] {
		one.stop(cause)
	}
}

// UnderWay says what a project waits for, the oldest first; empty when for nothing.
func (w *Work) UnderWay(project types.NamespacedName) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.tasks[project] {
		if one.what != "" {
			return one.what
		}
	}
	return ""
}
