//go:build integration

package bench

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// patience bounds the wait for one push, and for a thousand stages.
const patience = 10 * time.Minute

// yard is a project whose stages are all live.
type yard struct {
	*servertest.Project
	scenario scenario
	seen     chan sighting
	live     map[string]bool   // stages, whether they are where they are wanted
	due      map[string]string // stages that pushes touched: the commit
	want     int             // stages
	pushed   string          // the last commit
	sent     time.Time       // when its delivery set out
}

// sighting is an object as a watch brought it.
type sighting struct {
	at     time.Time
	object any
}

func newYard(b *testing.B, s scenario, organization string) *yard {
	b.Helper()
	if err := world.Organization(b.Context(), organization); err != nil {
		b.Fatal(err)
	}
	y := &yard{
		Project:  &servertest.Project{Organization: organization, Name: "shop"},
		scenario: s, seen: make(chan sighting, 1<<16), live: map[string]bool{}, due: map[string]string{}, want: s.all,
	}
	namespace := naming.OrganizationNamespace(organization)
	y.watch(b, &v1alpha1.StageList{}, client.InNamespace(namespace))
	if err := world.Register(b.Context(), y.Project, s.files); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(y.suspend)
	y.branch(b)
	y.settle(b)
	y.watch(b, &corev1.ConfigMapList{}, client.MatchingLabels{naming.LabelManagedBy: naming.ManagedBy, naming.LabelOrganization: organization})
	y.watch(b, &v1alpha1.ReleaseList{}, client.InNamespace(namespace))
	return y
}

// watch notes what happens to objects from now on.
func (y *yard) watch(b *testing.B, list client.ObjectList, options ...client.ListOption) {
	b.Helper()
	if err := world.Client.List(b.Context(), list, append(options, client.Limit(1))...); err != nil {
		b.Fatal(err)
	}
	options = append(options, &client.ListOptions{Raw: since(list.GetResourceVersion())})
	events, err := world.Client.Watch(b.Context(), list, options...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(events.Stop)
	go func() {
		for event := range events.ResultChan() {
			if event.Type == watch.Added || event.Type == watch.Modified {
				y.seen <- sighting{time.Now(), event.Object}
			}
		}
	}()
}

// since asks a watch for what happens after a version.
func since(version string) *metav1.ListOptions { return &metav1.ListOptions{ResourceVersion: version} }

// suspend ends the automatic work of the project.
func (y *yard) suspend() { _ = y.change(context.Background(), `{"spec":{"suspend":true}}`) }

// change patches the Project.
func (y *yard) change(ctx context.Context, patch string) error {
	project := &v1alpha1.Project{}
	project.Name, project.Namespace = y.Name, y.Namespace
	return world.Client.Patch(ctx, project, client.RawPatch("application/merge-patch+json", []byte(patch)))
}

// branch makes the scenario's branches, and tells the server of the last.
func (y *yard) branch(b *testing.B) {
	b.Helper()
	head, err := world.Forge.Head(y.Path, "main")
	if err != nil {
		b.Fatal(err)
	}
	for i, branch := range y.scenario.branches {
		world.Forge.Intercept(func(d forgetest.Delivery) []forgetest.Delivery {
			if i == len(y.scenario.branches)-1 {
				return []forgetest.Delivery{d}
			}
			return nil
		})
		if err := world.Forge.SetRef(y.Path, "refs/heads/"+branch, head, "dev"); err != nil {
			b.Fatal(err)
		}
	}
	if err := world.Forge.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	world.Forge.Intercept(nil)
}

// settle waits until every stage is live.
func (y *yard) settle(b *testing.B) {
	b.Helper()
	if !y.settled() {
		y.await(b, func(any) bool { return y.settled() })
	}
}

func (y *yard) settled() bool { return y.alive() == y.want }

// alive counts the stages that are where they are wanted.
func (y *yard) alive() int {
	count := 0
	for _, live := range y.live {
		if live {
			count++
		}
	}
	return count
}

// note takes over where a stage is.
func (y *yard) note(stage *v1alpha1.Stage) {
	at, due := stage.Status.Commit, y.due[stage.Name]
	y.live[stage.Name] = stage.Status.Phase == v1alpha1.PhaseSucceeded && at == stage.Spec.Wanted.Commit && (due == "" || at == due)
}

// restTime is more than the server needs to finish what nobody waits for:
// reports and statuses.
const restTime = 600 * time.Millisecond

// rest waits until the server has nothing more to do.
func (y *yard) rest(b *testing.B) {
	b.Helper()
	y.settle(b)
	time.Sleep(restTime)
}

// push pushes, waits until everything is as the push makes it, and returns the
// time from the delivery setting out until then.
func (y *yard) push(b *testing.B, p push) time.Duration {
	b.Helper()
	y.send(b, p)
	y.want += p.fresh
	open := p.objects
	at := y.await(b, func(object any) bool {
		if m, ok := object.(*corev1.ConfigMap); ok && p.objects > 0 && p.changes(m) {
			open--
			return open == 0
		}
		r, ok := object.(*v1alpha1.Release)
		return ok && p.objects == 0 && r.Spec.Head.Commit == y.pushed && r.Status.Phase == v1alpha1.PhaseSucceeded
	})
	y.sent = world.Post.Last()
	return at.Sub(y.sent)
}

func (y *yard) send(b *testing.B, p push) {
	b.Helper()
	var err error
	if len(p.files) > 0 {
		y.pushed, err = world.Forge.Push(y.Path, p.branch, p.files, "change", "dev")
	} else if y.pushed, err = world.Forge.Head(y.Path, "main"); err == nil {
		err = world.Forge.SetRef(y.Path, "refs/heads/"+p.branch, y.pushed, "dev")
	}
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range p.touched {
		stage := naming.StageObject(y.Name, t.stage)
		y.due[stage] = y.pushed
		delete(y.live, stage) // until a watch says that it is live again
	}
}

// await returns when what the watches bring was enough.
func (y *yard) await(b *testing.B, enough func(any) bool) time.Time {
	b.Helper()
	timeout := time.After(patience)
	for {
		select {
		case s := <-y.seen:
			if stage, ok := s.object.(*v1alpha1.Stage); ok {
				y.note(stage)
			}
			if enough(s.object) {
				return s.at
			}
		case <-timeout:
			b.Fatalf("not done within %s; of %d stages %d are known and %d live", patience, y.want, len(y.live), y.alive())
		}
	}
}
