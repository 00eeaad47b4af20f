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

// fixture is a project whose stages are all live.
type fixture struct {
	*servertest.Project
	scenario scenario
	seen     chan sighting
	live     map[string]bool   // stages, whether they are where they are wanted
	due      map[string]string // stages that pushes touched: the commit
	want     int               // stages
	pushed   string            // the last commit
	sent     time.Time         // when its delivery set out
}

// sighting is an object as a watch brought it.
type sighting struct {
	at     time.Time
	object any
}

// allowObjects lets a stage have more ConfigMaps than one may by default.
func allowObjects(p *v1alpha1.Project) { p.Spec.Policy.Quota.ConfigMaps = 2 * manyObjects }

func newFixture(b *testing.B, s scenario, organization string) *fixture {
	b.Helper()
	if err := world.Organization(b.Context(), organization); err != nil {
		b.Fatal(err)
	}
	fx := &fixture{
		Project:  &servertest.Project{Organization: organization, Name: "shop", Change: allowObjects},
		scenario: s, seen: make(chan sighting, 1<<16), live: map[string]bool{}, due: map[string]string{}, want: s.all,
	}
	namespace := naming.OrganizationNamespace(organization)
	fx.watch(b, &v1alpha1.StageList{}, client.InNamespace(namespace))
	if err := world.Register(b.Context(), fx.Project, s.files); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(fx.suspend)
	fx.branch(b)
	fx.settle(b)
	fx.watch(b, &corev1.ConfigMapList{}, client.MatchingLabels{naming.LabelManagedBy: naming.ManagedBy, naming.LabelOrganization: organization})
	fx.watch(b, &v1alpha1.ReleaseList{}, client.InNamespace(namespace))
	fx.watch(b, &v1alpha1.ProjectList{}, client.InNamespace(namespace))
	return fx
}

// watch notes what happens to objects from now on.
func (fx *fixture) watch(b *testing.B, list client.ObjectList, options ...client.ListOption) {
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
				fx.seen <- sighting{time.Now(), event.Object}
			}
		}
	}()
}

// since asks a watch for what happens after a version.
func since(version string) *metav1.ListOptions { return &metav1.ListOptions{ResourceVersion: version} }

// suspend ends the automatic work of the project.
func (fx *fixture) suspend() { _ = fx.change(context.Background(), `{"spec":{"suspend":true}}`) }

// change patches the Project.
func (fx *fixture) change(ctx context.Context, patch string) error {
	project := &v1alpha1.Project{}
	project.Name, project.Namespace = fx.Name, fx.Namespace
	return world.Client.Patch(ctx, project, client.RawPatch("application/merge-patch+json", []byte(patch)))
}

// branch makes the scenario's branches, and tells the server of the last.
func (fx *fixture) branch(b *testing.B) {
	b.Helper()
	head, err := world.Forge.Head(fx.Path, "main")
	if err != nil {
		b.Fatal(err)
	}
	for i, branch := range fx.scenario.branches {
		world.Forge.Intercept(func(d forgetest.Delivery) []forgetest.Delivery {
			if i == len(fx.scenario.branches)-1 {
				return []forgetest.Delivery{d}
			}
			return nil
		})
		if err := world.Forge.SetRef(fx.Path, "refs/heads/"+branch, head, "dev"); err != nil {
			b.Fatal(err)
		}
	}
	if err := world.Forge.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	world.Forge.Intercept(nil)
}

// settle waits until every stage is live.
func (fx *fixture) settle(b *testing.B) {
	b.Helper()
	if !fx.settled() {
		fx.await(b, func(any) bool { return fx.settled() })
	}
}

func (fx *fixture) settled() bool { return fx.alive() == fx.want }

// alive counts the stages that are where they are wanted.
func (fx *fixture) alive() int {
	count := 0
	for _, live := range fx.live {
		if live {
			count++
		}
	}
	return count
}

// note takes over where a stage is.
func (fx *fixture) note(stage *v1alpha1.Stage) {
	at, due := stage.Status.Commit, fx.due[stage.Name]
	fx.live[stage.Name] = stage.Status.Phase == v1alpha1.PhaseSucceeded && at == stage.Spec.Wanted.Commit && (due == "" || at == due)
}

// restTime is more than the server needs to finish what nobody waits for:
// reports and statuses.
const restTime = 600 * time.Millisecond

// rest waits until the server has nothing more to do.
func (fx *fixture) rest(b *testing.B) {
	b.Helper()
	fx.settle(b)
	time.Sleep(restTime)
}

// push pushes, waits until everything is as the push makes it, and returns the
// time from the delivery setting out until then.
func (fx *fixture) push(b *testing.B, p push) time.Duration {
	b.Helper()
	fx.send(b, p)
	fx.want += p.fresh
	open := p.objects
	at := fx.await(b, func(object any) bool {
		if m, ok := object.(*corev1.ConfigMap); ok && p.objects > 0 && p.changes(m) {
			open--
			return open == 0
		}
		if project, ok := object.(*v1alpha1.Project); ok && p.served {
			return project.Status.FileCommit == fx.pushed
		}
		r, ok := object.(*v1alpha1.Release)
		return ok && p.objects == 0 && r.Spec.Head.Commit == fx.pushed && r.Status.Phase == v1alpha1.PhaseSucceeded
	})
	fx.sent = world.Post.Last()
	return at.Sub(fx.sent)
}

func (fx *fixture) send(b *testing.B, p push) {
	b.Helper()
	var err error
	if len(p.files) > 0 {
		fx.pushed, err = world.Forge.Push(fx.Path, p.branch, p.files, "change", "dev")
	} else if fx.pushed, err = world.Forge.Head(fx.Path, "main"); err == nil {
		err = world.Forge.SetRef(fx.Path, "refs/heads/"+p.branch, fx.pushed, "dev")
	}
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range p.touched {
		stage := naming.StageObject(fx.Name, t.stage)
		fx.due[stage] = fx.pushed
		delete(fx.live, stage) // until a watch says that it is live again
	}
}

// await returns when what the watches bring was enough.
func (fx *fixture) await(b *testing.B, enough func(any) bool) time.Time {
	b.Helper()
	timeout := time.After(patience)
	for {
		select {
		case s := <-fx.seen:
			if stage, ok := s.object.(*v1alpha1.Stage); ok {
				fx.note(stage)
			}
			if enough(s.object) {
				return s.at
			}
		case <-timeout:
			b.Fatalf("not done within %s; of %d stages %d are known and %d live", patience, fx.want, len(fx.live), fx.alive())
		}
	}
}
