package project

import (
	"context"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/git"
)

// A head that changes nothing at a stage is not written to it; what else is wanted
// of the stage is.
func TestUnchangedHeadIsNotWritten(t *testing.T) {
	tests := map[string]struct {
		change    func(*v1alpha1.Stage)
		unchanged bool
		commit    string
		asked     int
		written   int // stages
	}{
		"changes something":   {change: func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit = commitB }, commit: commitA, asked: 1, written: 1},
		"changes nothing":     {change: func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit = commitB }, unchanged: true, commit: commitB, asked: 1},
		"another file":        {change: func(s *v1alpha1.Stage) { s.Spec.Wanted.FileID = "file-0" }, unchanged: true, commit: commitA, asked: 1},
		"stays where it is":   {commit: commitA},
		"something else does": {change: func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit, s.Spec.OnDelete = commitB, "delete" }, unchanged: true, commit: commitB, asked: 1, written: 1},
		"is being deleted": {change: func(s *v1alpha1.Stage) {
			s.Spec.Wanted.Commit, s.DeletionTimestamp = commitB, &metav1.Time{Time: start()}
		}, commit: commitB},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stage := newStage(tt.change)
			f := newFixture(t, newProject(nil), stage)
			f.contents.unchanged = map[string]bool{stage.Name: tt.unchanged}
			f.reconcile(t)
			spec := f.stages(t)["dev"].Spec
			if spec.Wanted.Commit != tt.commit || len(f.contents.asked) != tt.asked || len(f.route.stages) != tt.written {
				t.Errorf("the stage wants %.8s after %d questions and %d writes, want %.8s after %d and %d",
					spec.Wanted.Commit, len(f.contents.asked), len(f.route.stages), tt.commit, tt.asked, tt.written)
			}
			if tt.written > 0 && spec.OnDelete != "keep" {
				t.Errorf("onDelete is %s", spec.OnDelete)
			}
		})
	}
}

// A stage is not asked about as an old watch cache shows it.
func TestStaleStageIsNotCompared(t *testing.T) {
	stage := newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit = commitB })
	f := newFixture(t, newProject(nil), stage)
	f.contents.unchanged = map[string]bool{stage.Name: true}
	later := stage.DeepCopy()
	later.Generation++
	f.Stages.written.record(later)
	f.reconcile(t)
	if len(f.contents.asked) != 0 {
		t.Errorf("%v were compared as they were before", f.contents.asked)
	}
}

// The file in force is the last one that was in order, whatever it changes.
func TestFileInForce(t *testing.T) {
	stage := newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit = commitB })
	f := newFixture(t, newProject(nil), stage)
	f.contents.unchanged = map[string]bool{stage.Name: true}
	f.reconcile(t)
	if file := f.project(t).Status.File; file == nil || file.Commit != commitA || file.ID != "file-1" {
		t.Fatalf("the file in force is %+v", file)
	}
	f.repos.heads[mainRef], f.repos.file = commitB, "not a file"
	f.now = f.now.Add(time.Hour)
	f.reconcile(t)
	status := f.project(t).Status
	if status.FileCommit != commitB || status.File == nil || status.File.Commit != commitA {
		t.Errorf("after a file that is not in order, %.8s was read and %+v is in force", status.FileCommit, status.File)
	}
}

// Protected stages are written before others.
func TestProtectedStagesFirst(t *testing.T) {
	f := newFixture(t, newProject(nil))
	f.repos.file = fileWith("{name: a, branch: main}, {name: b, branch: main, protected: true}, {name: c, branch: main}")
	wanted := wantedStages(newProject(nil), parsed(f.repos.file), git.Heads{Refs: map[string]string{mainRef: commitA}}, hints{})
	var names []string
	for _, stage := range wanted {
		names = append(names, stage.Spec.Name)
	}
	if !slices.Equal(names, []string{"b", "a", "c"}) {
		t.Errorf("stages are written in the order %v", names)
	}
}

// A head that another replica wrote makes a sync due; an own one doesn't.
func TestForeignHeadIsSyncedAgain(t *testing.T) {
	before := newStage(nil)
	moved := newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit, s.Generation = commitB, 2 })
	paused := newStage(func(s *v1alpha1.Stage) { s.Spec.Pause, s.Generation = &v1alpha1.Pause{By: "bob"}, 2 })
	tests := map[string]struct {
		after *v1alpha1.Stage
		own   bool
		due   int
	}{"another replica's": {moved, false, 1}, "an own one": {moved, true, 0}, "a pause": {paused, false, 0}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, newProject(nil))
			if tt.own {
				f.Stages.written.expect(before)
			}
			queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
			defer queue.ShutDown()
			f.stageMoved(context.Background(), event.UpdateEvent{ObjectOld: client.Object(before), ObjectNew: tt.after}, queue)
			if queue.Len() != tt.due {
				t.Errorf("%d syncs are due, want %d", queue.Len(), tt.due)
			}
		})
	}
}
