package unchanged

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/notify"
	file "github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

const namespace = "slipway-org-acme"

var shop = ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: "shop"}}

// host is a forge's client for a project, or why there is none.
type host struct {
	client *forge.Client
	err    error
}

func (h *host) Client(context.Context, *v1alpha1.Project, v1alpha1.Repository) (*forge.Client, error) {
	return h.client, h.err
}

// sources have one project file: the stage production is protected.
type sources struct{ err error }

func (s *sources) File(context.Context, *v1alpha1.Project, v1alpha1.Head) (*projectfile.Document, string, error) {
	return &projectfile.Document{File: &file.File{Stages: []file.Stage{{Name: "production", Protected: true}, {Name: "dev"}}}}, "id", s.err
}

// sink records what it is sent, as lines, and fails after some.
type sink struct {
	notify.Silent
	err   error
	after int // how many it takes before that
	sent  []string
}

func (s *sink) Unchanged(_ context.Context, to notify.Destination, u report.Unchanged) error {
	line := fmt.Sprintf("%s/%s %s %s: %s", to.Organization, to.Project, u.Commit, u.Stage, u.Sentence)
	if to.Forge == nil {
		line += ", no forge"
	}
	s.sent = append(s.sent, line)
	if len(s.sent) > s.after {
		return s.err
	}
	return nil
}

// fixture is a reconciler of the project shop.
type fixture struct {
	*Reconciler
	t       *testing.T
	host    *host
	sources *sources
	sink    *sink
	log     bytes.Buffer
}

func newFixture(t *testing.T, c client.Client) *fixture {
	t.Helper()
	f := &fixture{t: t, host: &host{client: forge.NewClient(struct{ scm.Reporter }{})}, sources: &sources{}, sink: &sink{}}
	f.Reconciler = New(c, f.host, f.sources, f.sink, slog.New(slog.NewTextHandler(&f.log, nil)))
	return f
}

// reconcile reconciles the project as often as the queue would, when nothing else
// happens, and wants the sink to get some reports.
func (f *fixture) reconcile(want ...string) {
	f.t.Helper()
	f.sink.sent = nil
	for again := true; again; {
		result, err := f.Reconcile(f.t.Context(), shop)
		if err != nil {
			f.t.Fatal(err)
		}
		again = result.RequeueAfter > 0
	}
	if diff := cmp.Diff(want, f.sink.sent); diff != "" {
		f.t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// recorded returns what the project's status says of reports.
func (f *fixture) recorded() string {
	f.t.Helper()
	var p v1alpha1.Project
	if err := f.client.Get(f.t.Context(), shop.NamespacedName, &p); err != nil {
		f.t.Fatal(err)
	}
	return p.Status.Reported
}

// moves gives some stages a commit that changes nothing there.
func (f *fixture) moves(commit string, stages ...string) {
	f.t.Helper()
	for _, name := range stages {
		var s v1alpha1.Stage
		if err := f.client.Get(f.t.Context(), client.ObjectKey{Namespace: namespace, Name: "shop-" + name}, &s); err != nil {
			f.t.Fatal(err)
		}
		s.Status.Head = stage(name, commit).Status.Head
		if err := f.client.Status().Update(f.t.Context(), &s); err != nil {
			f.t.Fatal(err)
		}
	}
}

func project() *v1alpha1.Project {
	return &v1alpha1.Project{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop", UID: "shop"},
		Spec:       v1alpha1.ProjectSpec{Repositories: []v1alpha1.Repository{{Name: "main", Path: "acme/shop"}}},
		Status:     v1alpha1.ProjectStatus{File: &v1alpha1.FileInForce{Commit: "f"}},
	}
}

// stage returns a stage that has a commit, because it changes nothing since d; with
// none, that was d.
func stage(name, commit string) *v1alpha1.Stage {
	s := &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop-" + name},
		Spec:       v1alpha1.StageSpec{Project: "shop", Name: name, Rule: strings.TrimRight(name, "0123456789")},
		Status:     v1alpha1.StageStatus{Commit: "d", Attempted: "d", Phase: v1alpha1.PhaseSucceeded},
	}
	if commit != "" {
		s.Status.Head = &v1alpha1.UnchangedHead{Commit: commit, Since: "d"}
	}
	return s
}

// with returns the project and its stages.
func with(change func(*v1alpha1.Project), stages ...*v1alpha1.Stage) []client.Object {
	p := project()
	if change != nil {
		change(p)
	}
	objects := []client.Object{p}
	for _, s := range stages {
		objects = append(objects, s)
	}
	return objects
}

func TestReconcile(t *testing.T) {
	busy := forge.NewClient(struct{ scm.Reporter }{})
	for busy.Enter() {
		continue
	}
	dev := stage("dev", "c")
	both := []*v1alpha1.Stage{dev, stage("production", "c")}
	const alone, all = "acme/shop c : stage dev unchanged since d", "acme/shop c : 2 stages unchanged"
	tests := map[string]struct {
		objects  []client.Object
		host     *host // nil for a forge that answers
		fileErr  error
		sinkErr  error
		sent     []string
		again    time.Duration // after the stages settled
		code     fault.Code
		logged   string
		recorded bool
	}{
		"no project":          {},
		"no stages":           {objects: with(nil)},
		"no heads":            {objects: with(nil, stage("dev", "")), fileErr: errors.New("is not read")},
		"suspended":           {objects: with(func(p *v1alpha1.Project) { p.Spec.Suspend = true }, both...)},
		"one":                 {objects: with(nil, dev), sent: []string{alone}, recorded: true},
		"a protected one":     {objects: with(nil, both...), sent: []string{"acme/shop c production: unchanged since d", all}, recorded: true},
		"before a file":       {objects: with(func(p *v1alpha1.Project) { p.Status.File = nil }, both...), sent: []string{all}, recorded: true},
		"all":                 {objects: with(func(p *v1alpha1.Project) { p.Spec.Reports = v1alpha1.ReportsAll }, both...), sent: []string{"acme/shop c dev: unchanged since d", "acme/shop c production: unchanged since d", all}, recorded: true},
		"changed only":        {objects: with(func(p *v1alpha1.Project) { p.Spec.Reports = v1alpha1.ReportsChanged }, both...), sent: []string{all}, recorded: true},
		"no file":             {objects: with(nil, dev), fileErr: fault.New(fault.Unavailable, "away"), code: fault.Unavailable},
		"no credentials":      {objects: with(nil, dev), host: &host{}, sent: []string{alone + ", no forge"}, recorded: true},
		"too many calls":      {objects: with(nil, dev), host: &host{client: busy}, again: forge.BusyDelay},
		"no client for now":   {objects: with(nil, dev), host: &host{err: fault.New(fault.Unavailable, "no Secret")}, code: fault.Unavailable},
		"no client":           {objects: with(nil, dev), host: &host{err: fault.New(fault.Denied, "no token")}, sent: []string{alone + ", no forge"}, logged: "no token", recorded: true},
		"a sink is away":      {objects: with(nil, dev), sinkErr: fault.New(fault.Unavailable, "away"), sent: []string{alone}, code: fault.Unavailable},
		"a sink asks to wait": {objects: with(nil, dev), sinkErr: scm.Limited("call", time.Minute), sent: []string{alone}, again: time.Minute},
		"a sink refuses":      {objects: with(nil, dev), sinkErr: fault.New(fault.Denied, "may not"), sent: []string{alone}, logged: "may not", recorded: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, kubefake.New(t, tt.objects...))
			f.sink.err, f.sources.err = tt.sinkErr, tt.fileErr
			if tt.host != nil {
				*f.host = *tt.host
			}
			result, err := f.Reconcile(t.Context(), shop)
			if len(f.sink.sent) > 0 {
				t.Errorf("sent %q before the stages settled", f.sink.sent)
			}
			if result.RequeueAfter == settleTime {
				result, err = f.Reconcile(t.Context(), shop)
			}
			if fault.CodeOf(err) != tt.code || result.RequeueAfter != tt.again {
				t.Errorf("%v, %v; want %q, again after %s", result, err, tt.code, tt.again)
			}
			if diff := cmp.Diff(tt.sent, f.sink.sent); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
			if got := f.log.String(); !strings.Contains(got, tt.logged) || (got == "") != (tt.logged == "") {
				t.Errorf("logged %q, want %q", got, tt.logged)
			}
			if len(tt.objects) > 0 && (f.recorded() != "") != tt.recorded {
				t.Errorf("recorded %q", f.recorded())
			}
		})
	}
}

// However the stages of a push are written, few reports speak for all of them, and
// none is repeated when the server starts anew.
func TestManyStages(t *testing.T) {
	var names []string
	objects := []client.Object{project(), stage("production", "b")}
	for i := range 100 {
		names = append(names, fmt.Sprintf("dev%d", i))
		objects = append(objects, stage(names[i], "b"))
	}
	c := kubefake.New(t, objects...)
	f := newFixture(t, c)
	f.reconcile("acme/shop b production: unchanged since d", "acme/shop b : 101 stages unchanged")
	f.reconcile()
	for some := range slices.Chunk(names, 10) { // one after the other, and looked at meanwhile
		f.moves("c", some...)
		if result, err := f.Reconcile(t.Context(), shop); err != nil || result.RequeueAfter != settleTime || len(f.sink.sent) > 0 {
			t.Fatalf("%v: %v, %v, sent %q", some, result, err, f.sink.sent)
		}
	}
	f.reconcile("acme/shop c : 100 stages unchanged")
	f.moves("c", "production") // late
	f.reconcile("acme/shop c production: unchanged since d", "acme/shop c : 101 stages unchanged")

	again := newFixture(t, c)
	again.reconcile()
	again.moves("e", names...)
	again.reconcile("acme/shop e : 100 stages unchanged")
}

// A commit that fewer stages have, because others got another one, is not reported
// again.
func TestFewerStages(t *testing.T) {
	c := kubefake.New(t, with(nil, stage("dev1", "b"), stage("dev2", "b"))...)
	f := newFixture(t, c)
	f.reconcile("acme/shop b : 2 stages unchanged")
	before := f.recorded()
	if err := c.Delete(t.Context(), stage("dev1", "b")); err != nil {
		t.Fatal(err)
	}
	f.reconcile()
	if f.recorded() == before {
		t.Error("a server that starts anew would report it again")
	}
	newFixture(t, c).reconcile()
}

// What was sent before the forge asked to wait is not sent again after it.
func TestGoesOnWhereItStopped(t *testing.T) {
	p := project()
	p.Spec.Reports = v1alpha1.ReportsAll
	f := newFixture(t, kubefake.New(t, p, stage("dev1", "b"), stage("dev2", "b")))
	f.sink.err, f.sink.after = scm.Limited("call", time.Minute), 1
	for _, want := range []time.Duration{settleTime, time.Minute} {
		if result, err := f.Reconcile(t.Context(), shop); err != nil || result.RequeueAfter != want {
			t.Fatalf("%v, %v, want %s", result, err, want)
		}
	}
	f.sink.err = nil
	f.reconcile("acme/shop b dev2: unchanged since d", "acme/shop b : 2 stages unchanged")
}

// What can't be read or recorded is an error, and what was sent is not sent again.
func TestKubernetesErrors(t *testing.T) {
	away := errors.New("no answer")
	list := interceptor.Funcs{List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return away }}
	f := newFixture(t, kubefake.Intercepted(t, list, project()))
	if _, err := f.Reconcile(t.Context(), shop); !errors.Is(err, away) {
		t.Errorf("no list: %v", err)
	}
	failing := away
	patch := interceptor.Funcs{SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
		if failing != nil {
			return failing
		}
		return c.SubResource(sub).Patch(ctx, o, patch, opts...)
	}}
	f = newFixture(t, kubefake.Intercepted(t, patch, project(), stage("dev", "b")))
	for _, want := range []error{nil, away} {
		if _, err := f.Reconcile(t.Context(), shop); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	failing = nil
	f.reconcile()
	if f.recorded() == "" {
		t.Error("nothing is recorded")
	}
}

// Only what may have something to report causes a look, a while later.
func TestWatches(t *testing.T) {
	tests := map[string]struct {
		events handler.EventHandler
		object client.Object
		want   map[ctrl.Request]int
	}{
		"a head":    {settled(projectOfStage), stage("dev", "b"), map[ctrl.Request]int{shop: 3}},
		"no head":   {settled(projectOfStage), stage("dev", ""), map[ctrl.Request]int{}},
		"no stage":  {settled(projectOfStage), project(), map[ctrl.Request]int{}},
		"a project": {settled(client.Object.GetName), project(), map[ctrl.Request]int{shop: 3}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			q := &delays{added: map[ctrl.Request]int{}}
			tt.events.Create(t.Context(), event.CreateEvent{Object: tt.object}, q)
			tt.events.Update(t.Context(), event.UpdateEvent{ObjectNew: tt.object}, q)
			tt.events.Delete(t.Context(), event.DeleteEvent{Object: tt.object}, q)
			if diff := cmp.Diff(tt.want, q.added); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// delays is a queue that counts what is added after the time to settle.
type delays struct {
	workqueue.TypedRateLimitingInterface[ctrl.Request]
	added map[ctrl.Request]int
}

func (d *delays) AddAfter(request ctrl.Request, after time.Duration) {
	if after == settleTime {
		d.added[request]++
	}
}
