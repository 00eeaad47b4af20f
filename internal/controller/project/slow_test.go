package project

import (
	"context"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// synced returns the project's condition.
func (f *fixture) synced(t *testing.T) *metav1.Condition {
	t.Helper()
	return meta.FindStatusCondition(f.project(t).Status.Conditions, v1alpha1.ConditionSynced)
}

// TestSlowSyncSaysWhatItWaitsFor has a git server that takes its time: the project
// says so meanwhile, and nothing of it when the sync has ended.
func TestSlowSyncSaysWhatItWaitsFor(t *testing.T) {
	f := newFixture(t, newProject(nil))
	f.Slow = time.Millisecond
	f.repos.during = func(ctx context.Context) error {
		_, end := f.Work.Begin(ctx, shop.NamespacedName, "a fetch of https://git.example/acme/shop.git")
		defer end()
		for {
			if c := f.synced(t); c != nil && c.Reason == "Slow" {
				if c.Status != metav1.ConditionUnknown || !strings.Contains(c.Message, "waits for a fetch of https://git.example/acme/shop.git") {
					t.Errorf("the condition is %+v", c)
				}
				return nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	f.reconcile(t)
	if c := f.synced(t); c == nil || c.Status != metav1.ConditionTrue {
		t.Errorf("afterwards the condition is %+v", c)
	}
	f.repos.during, f.Slow = nil, time.Hour
	f.now = f.now.Add(time.Hour)
	f.reconcile(t)
	if c := f.synced(t); c.Status != metav1.ConditionTrue {
		t.Errorf("after a quick sync the condition is %+v", c)
	}
}

// TestWorkEndsWithTheProject ends a sync whose server never answers, when the
// project is suspended or deleted.
func TestWorkEndsWithTheProject(t *testing.T) {
	for name, end := range map[string]func(*fixture){
		"suspended": func(f *fixture) {
			f.projectMoved(t.Context(), event.UpdateEvent{ObjectNew: newProject(func(p *v1alpha1.Project) { p.Spec.Suspend = true })}, nil)
		},
		"being deleted": func(f *fixture) {
			f.projectMoved(t.Context(), event.UpdateEvent{ObjectNew: newProject(func(p *v1alpha1.Project) { p.DeletionTimestamp = &metav1.Time{Time: start()} })}, nil)
		},
		"was deleted": func(f *fixture) { f.projectEnded(t.Context(), event.DeleteEvent{Object: newProject(nil)}, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, newProject(nil))
			f.projectMoved(t.Context(), event.UpdateEvent{ObjectNew: newProject(nil)}, nil) // of no weight
			f.repos.during = func(ctx context.Context) error {
				end(f)
				<-ctx.Done()
				return fault.Wrap(fault.Unavailable, ctx.Err(), "the fetch ended")
			}
			_, err := f.Reconcile(t.Context(), shop)
			if fault.CodeOf(err) != fault.Unavailable || !strings.Contains(fault.MessageOf(err), name) {
				t.Errorf("the sync ended with %v", err)
			}
			if c := f.synced(t); c == nil || !strings.Contains(c.Message, name) {
				t.Errorf("the condition is %+v", c)
			}
		})
	}
}
