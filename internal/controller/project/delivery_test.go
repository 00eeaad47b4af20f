package project

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// What a delivery reports may not be visible at the forge yet: it waits then,
// for a while.
func TestDeliveryThatIsAheadOfItsForge(t *testing.T) {
	annotated := func(d *v1alpha1.Delivery) { d.Spec.Event, d.Spec.Ref = string(scm.KindTag), "refs/tags/v1" }
	tests := map[string]struct {
		change func(*v1alpha1.Delivery)
		heads  map[string]string
		known  []string
		age    time.Duration
		want   string        // how it is marked; empty: it waits
		again  time.Duration // when the refs are read again, if it waits
	}{
		"its ref is there":           {want: "Done: synced"},
		"its ref moved on":           {heads: map[string]string{mainRef: "c"}, known: []string{commitA}, want: "Done: synced"},
		"stands where it stood":      {heads: map[string]string{mainRef: commitB}, known: []string{commitA, commitB}, again: firstLook},
		"is not known":               {heads: map[string]string{mainRef: "c"}, age: 2 * time.Second, again: time.Second},
		"for long":                   {heads: map[string]string{mainRef: "c"}, age: 9 * time.Second, again: lastLook},
		"for too long":               {heads: map[string]string{mainRef: commitB}, age: lagPatience, want: "Done: synced, but 10s after the delivery the forge still does not show refs/heads/main at " + commitA + ": it is at " + commitB},
		"a new branch is not there":  {change: func(d *v1alpha1.Delivery) { d.Spec.Ref, d.Spec.Before = "refs/heads/x", "" }, again: firstLook},
		"nor after a while":          {change: func(d *v1alpha1.Delivery) { d.Spec.Ref, d.Spec.Before = "refs/heads/x", "" }, age: lagPatience, want: "Done: synced, but 10s after the delivery the forge still does not show refs/heads/x at " + commitA + ": there is none"},
		"a moved branch is gone":     {change: func(d *v1alpha1.Delivery) { d.Spec.Ref = "refs/heads/x" }, want: "Done: synced"},
		"a deleted branch is there":  {change: func(d *v1alpha1.Delivery) { d.Spec.Before, d.Spec.After = commitA, "" }, again: firstLook},
		"is there for too long":      {change: func(d *v1alpha1.Delivery) { d.Spec.Before, d.Spec.After = commitA, "" }, age: lagPatience, want: "Done: synced, but 10s after the delivery the forge still does not show refs/heads/main gone: it is at " + commitA},
		"a deleted branch is gone":   {change: func(d *v1alpha1.Delivery) { d.Spec.Ref, d.Spec.After = "refs/heads/x", "" }, want: "Done: synced"},
		"an annotated tag":           {change: annotated, heads: map[string]string{mainRef: commitA, "refs/tags/v1": "c"}, want: "Done: synced"},
		"another repository's":       {change: func(d *v1alpha1.Delivery) { d.Spec.Repository = "api" }, heads: map[string]string{mainRef: commitB}, want: "Done: synced"},
		"no push":                    {change: func(d *v1alpha1.Delivery) { d.Spec.Event = string(scm.KindCheck) }, heads: map[string]string{mainRef: commitB}, want: "Done: synced"},
		"its clock is ahead of ours": {heads: map[string]string{mainRef: commitB}, age: -time.Hour, again: firstLook},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, newProject(nil), push("one", tt.change))
			f.now = f.now.Add(tt.age)
			f.repos.known = map[string]bool{}
			for _, commit := range tt.known {
				f.repos.known[commit] = true
			}
			if tt.heads != nil {
				f.repos.heads = tt.heads
			}
			result := f.reconcile(t)
			if tt.want == "" && result.RequeueAfter != tt.again || tt.want != "" && result.RequeueAfter < f.Interval {
				t.Errorf("looks again after %s, want %s", result.RequeueAfter, tt.again)
			}
			if got := f.cleaned()["one"]; !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("the delivery is %q, want %q", got, tt.want)
			}
		})
	}
}

// Of two pushes that follow each other, the first is done although its commit
// is not where the ref is.
func TestDeliveryThatAnotherFollows(t *testing.T) {
	first := push("one", func(d *v1alpha1.Delivery) { d.Spec.Before, d.Spec.After = "c", commitB })
	f := newFixture(t, newProject(nil), first, push("two", nil))
	f.reconcile(t)
	want := map[string]string{"one": "Done: synced", "two": "Done: synced"}
	if diff := cmp.Diff(want, f.cleaned()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

// What was dealt with is kept for a time, and so many at most.
func TestDealtWithDeliveriesAreForgotten(t *testing.T) {
	objects := []client.Object{newProject(nil)}
	done := func(name string, received time.Time) {
		objects = append(objects, push(name, func(d *v1alpha1.Delivery) {
			d.Spec.Received, d.Status.Phase = metav1.NewMicroTime(received), v1alpha1.DeliveryDone
		}))
	}
	done("old", start().Add(-deliveryTTL-time.Second))
	for i := range maxDeliveries + 1 {
		done(fmt.Sprintf("young-%03d", i), start().Add(time.Duration(i)*time.Millisecond))
	}
	f := newFixture(t, objects...)
	f.reconcile(t)
	if diff := cmp.Diff(map[string]string{"old": "delete", "young-000": "delete"}, f.cleaned()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

// waitingDeliveries are so many deliveries of a ref, and one of another before
// them, which came at one moment.
func waitingDeliveries(count int) []client.Object {
	objects := []client.Object{newProject(nil), push("other", func(d *v1alpha1.Delivery) { d.Spec.Ref, d.Spec.After = "refs/heads/x", "" })}
	for i := range count {
		objects = append(objects, push(fmt.Sprintf("d-%03d", i), func(d *v1alpha1.Delivery) {
			d.Spec.Received = metav1.NewMicroTime(start().Add(time.Duration(i+1) * time.Microsecond))
		}))
	}
	return objects
}

// Of a flood the newest are marked, and the others make room.
func TestFloodIsServedByOneSync(t *testing.T) {
	const count = floodSize + 5
	f := newFixture(t, waitingDeliveries(count)...)
	f.reconcile(t)
	marked := map[string]string{}
	for name, what := range f.cleaned() {
		if what != "delete" {
			marked[name] = what
		}
	}
	want := map[string]string{fmt.Sprintf("d-%03d", count-2): "Done: synced", fmt.Sprintf("d-%03d", count-1): "Done: synced"}
	if diff := cmp.Diff(want, marked); diff != "" || f.repos.reads != 1 || len(f.cleaned()) != count+1 {
		t.Errorf("%d reads, %d dealt with; marked (-want +got):\n%s", f.repos.reads, len(f.cleaned()), diff)
	}
}

// While the forge is away, a flood is cut to what is kept, and never so that a
// ref's last delivery goes.
func TestFloodWhileTheForgeIsAway(t *testing.T) {
	f := newFixture(t, waitingDeliveries(maxDeliveries+3)...)
	f.repos.errs["Heads"] = fault.New(fault.Unavailable, "no answer")
	if _, err := f.Reconcile(t.Context(), shop); err == nil {
		t.Fatal("no error")
	}
	want := map[string]string{"d-000": "delete", "d-001": "delete", "d-002": "delete"}
	if diff := cmp.Diff(want, f.cleaned()); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
}

// A delivery that is replayed counts again.
func TestReplay(t *testing.T) {
	f := newFixture(t, newProject(nil), push("one", func(d *v1alpha1.Delivery) {
		d.Annotations, d.Status = map[string]string{v1alpha1.AnnotationReplay: "again"}, v1alpha1.DeliveryStatus{Phase: v1alpha1.DeliveryFailed, Attempts: 1}
	}))
	f.reconcile(t)
	for _, task := range f.Cleaner.tasks {
		if s := task.marked.Status; s.Phase != v1alpha1.DeliveryDone || s.Attempts != 2 || s.Replayed != "again" || s.Finished == nil {
			t.Errorf("the delivery is %+v", s)
		}
	}
	if len(f.Cleaner.tasks) != 1 {
		t.Errorf("%d deliveries are dealt with", len(f.Cleaner.tasks))
	}
}
