package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

const namespace = "slipway-org-acme"

var shopDev = ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: "shop-dev"}}

// host is a forge's client for a project, or why there is none.
type host struct {
	client *forge.Client
	err    error
}

func (h *host) Client(context.Context, *v1alpha1.Project, v1alpha1.Repository) (*forge.Client, error) {
	return h.client, h.err
}

// sink records what it is sent, as lines, unless it fails.
type sink struct {
	notify.Silent
	err  error
	sent []string
}

func (s *sink) Release(_ context.Context, to notify.Destination, r report.Release) error {
	line := fmt.Sprintf("%s/%s %s: %s", to.Organization, to.Project, r.Commit, r.Sentence)
	if !r.Latest {
		line += ", not the latest"
	}
	if to.Forge == nil {
		line += ", no forge"
	}
	s.sent = append(s.sent, line)
	return s.err
}

// fixture is a reconciler of the stage shop-dev.
type fixture struct {
	*Reconciler
	host *host
	sink *sink
	log  bytes.Buffer
}

func project() *v1alpha1.Project {
	return &v1alpha1.Project{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"},
		Spec:       v1alpha1.ProjectSpec{Repositories: []v1alpha1.Repository{{Name: "main", Path: "acme/shop"}}},
	}
}

func stage() *v1alpha1.Stage {
	return &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop-dev", UID: "shop-dev"},
		Spec:       v1alpha1.StageSpec{Project: "shop", Name: "dev", Ref: "refs/heads/main"},
	}
}

// skipped returns the stage with a head that says it is not to be released.
func skipped(commit string) *v1alpha1.Stage {
	s := stage()
	s.Spec.Wanted = v1alpha1.Head{Commit: commit, Skip: true}
	s.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAutoDeploy, Status: metav1.ConditionFalse, Reason: release.ReasonSkipped, Message: "its commit says so"}}
	return s
}

func releaseOf(number int64, commit string, phase, reported v1alpha1.Phase) *v1alpha1.Release {
	name := fmt.Sprintf("shop-dev-%d", number)
	return &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name)},
		Spec:       v1alpha1.ReleaseSpec{Project: "shop", Stage: "shop-dev", Sequence: number, Head: v1alpha1.Head{Commit: commit}},
		Status:     v1alpha1.ReleaseStatus{Phase: phase, Reported: reported},
	}
}

func newFixture(t *testing.T, objects ...client.Object) *fixture {
	t.Helper()
	return newFixtureWith(kubefake.New(t, objects...))
}

func newFixtureWith(c client.Client) *fixture {
	f := &fixture{host: &host{client: forge.NewClient(struct{ scm.Reporter }{})}, sink: &sink{}}
	f.Reconciler = New(c, f.host, f.sink, slog.New(slog.NewTextHandler(&f.log, nil)))
	return f
}

// reported returns the phases that the releases say were reported, by number.
func (f *fixture) reported(t *testing.T) map[int64]v1alpha1.Phase {
	t.Helper()
	var list v1alpha1.ReleaseList
	if err := f.client.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	phases := map[int64]v1alpha1.Phase{}
	for _, rel := range list.Items {
		phases[rel.Spec.Sequence] = rel.Status.Reported
	}
	return phases
}

func TestReconcile(t *testing.T) {
	building := func() *v1alpha1.Release { return releaseOf(1, "a", v1alpha1.PhaseBuilding, v1alpha1.PhasePending) }
	busy := forge.NewClient(struct{ scm.Reporter }{})
	for busy.Enter() {
		continue
	}
	tests := map[string]struct {
		objects  []client.Object
		host     *host // nil for a forge that answers
		sinkErr  error
		sent     []string
		reported v1alpha1.Phase // of release 1
		again    time.Duration
		code     fault.Code
		logged   string
	}{
		"no stage":              {},
		"no release":            {objects: []client.Object{project(), stage()}},
		"no project":            {objects: []client.Object{stage(), building()}, reported: v1alpha1.PhasePending},
		"all is reported":       {objects: []client.Object{project(), stage(), releaseOf(1, "a", v1alpha1.PhaseSucceeded, v1alpha1.PhaseSucceeded)}, reported: v1alpha1.PhaseSucceeded},
		"a step":                {objects: []client.Object{project(), stage(), building()}, sent: []string{"acme/shop a: building"}, reported: v1alpha1.PhaseBuilding},
		"nothing began":         {objects: []client.Object{project(), stage(), releaseOf(1, "a", "", "")}, sent: []string{"acme/shop a: queued: waits for its turn"}, reported: v1alpha1.PhasePending},
		"the same step":         {objects: []client.Object{project(), stage(), releaseOf(1, "a", v1alpha1.PhaseVerifying, v1alpha1.PhaseApplying)}, reported: v1alpha1.PhaseApplying},
		"no credentials":        {objects: []client.Object{project(), stage(), building()}, host: &host{}, sent: []string{"acme/shop a: building, no forge"}, reported: v1alpha1.PhaseBuilding},
		"too many calls":        {objects: []client.Object{project(), stage(), building()}, host: &host{client: busy}, reported: v1alpha1.PhasePending, again: forge.BusyDelay},
		"no client for now":     {objects: []client.Object{project(), stage(), building()}, host: &host{err: fault.New(fault.Unavailable, "no Secret")}, reported: v1alpha1.PhasePending, code: fault.Unavailable},
		"no client":             {objects: []client.Object{project(), stage(), building()}, host: &host{err: fault.New(fault.Denied, "no token")}, sent: []string{"acme/shop a: building, no forge"}, reported: v1alpha1.PhaseBuilding, logged: "no token"},
		"a sink is away":        {objects: []client.Object{project(), stage(), building()}, sinkErr: fault.New(fault.Unavailable, "away"), sent: []string{"acme/shop a: building"}, reported: v1alpha1.PhasePending, code: fault.Unavailable},
		"a sink asks to wait":   {objects: []client.Object{project(), stage(), building()}, sinkErr: scm.Limited("call", time.Minute), sent: []string{"acme/shop a: building"}, reported: v1alpha1.PhasePending, again: time.Minute},
		"a sink refuses":        {objects: []client.Object{project(), stage(), building()}, sinkErr: fault.New(fault.Denied, "may not"), sent: []string{"acme/shop a: building"}, reported: v1alpha1.PhaseBuilding, logged: "may not"},
		"skipped":               {objects: []client.Object{project(), skipped("b")}, sent: []string{"acme/shop b: skipped: its commit says so"}},
		"skipped, away":         {objects: []client.Object{project(), skipped("b")}, sinkErr: fault.New(fault.Unavailable, "away"), sent: []string{"acme/shop b: skipped: its commit says so"}, code: fault.Unavailable},
		"skipped, refused":      {objects: []client.Object{project(), skipped("b")}, sinkErr: fault.New(fault.Denied, "may not"), sent: []string{"acme/shop b: skipped: its commit says so"}, logged: "may not"},
		"a release and a skip":  {objects: []client.Object{project(), skipped("b"), building()}, sent: []string{"acme/shop a: building", "acme/shop b: skipped: its commit says so"}, reported: v1alpha1.PhaseBuilding},
		"one overtaken another": {objects: []client.Object{project(), stage(), building(), releaseOf(2, "a", v1alpha1.PhaseFailed, "")}, sent: []string{"acme/shop a: building, not the latest", "acme/shop a: failed"}, reported: v1alpha1.PhaseBuilding},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, tt.objects...)
			f.sink.err = tt.sinkErr
			if tt.host != nil {
				*f.host = *tt.host
			}
			result, err := f.Reconcile(t.Context(), shopDev)
			if fault.CodeOf(err) != tt.code || result.RequeueAfter != tt.again {
				t.Errorf("%v, %v; want %q, again after %s", result, err, tt.code, tt.again)
			}
			if diff := cmp.Diff(tt.sent, f.sink.sent); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
			if got := f.reported(t)[1]; got != tt.reported {
				t.Errorf("says that %q was reported, want %q", got, tt.reported)
			}
			if got := f.log.String(); !strings.Contains(got, tt.logged) || (got == "") != (tt.logged == "") {
				t.Errorf("logged %q, want %q", got, tt.logged)
			}
		})
	}
}

// A step is sent once, also when the server starts anew.
func TestReportsAreNotRepeated(t *testing.T) {
	c := kubefake.New(t, project(), skipped("b"), releaseOf(1, "a", v1alpha1.PhaseSucceeded, v1alpha1.PhaseApplying))
	f := newFixtureWith(c)
	for range 2 {
		if _, err := f.Reconcile(t.Context(), shopDev); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"acme/shop a: live", "acme/shop b: skipped: its commit says so"}; !cmp.Equal(f.sink.sent, want) {
		t.Errorf("sent %q, want %q", f.sink.sent, want)
	}
	anew := newFixtureWith(c)
	if _, err := anew.Reconcile(t.Context(), shopDev); err != nil {
		t.Fatal(err)
	}
	if want := []string{"acme/shop b: skipped: its commit says so"}; !cmp.Equal(anew.sink.sent, want) { // no object remembers a skip
		t.Errorf("after a restart sent %q, want %q", anew.sink.sent, want)
	}
}

// A release that is held says so again when the reason is another.
func TestHeldForAnotherReason(t *testing.T) {
	held := releaseOf(1, "a", v1alpha1.PhaseHeld, v1alpha1.PhaseHeld)
	held.Status.Message = "waits for ci/test"
	f := newFixture(t, project(), stage(), held)
	reconcile := func(want ...string) {
		t.Helper()
		f.sink.sent = nil
		if _, err := f.Reconcile(t.Context(), shopDev); err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(f.sink.sent, want) {
			t.Errorf("sent %q, want %q", f.sink.sent, want)
		}
	}
	reconcile() // as an earlier server reported it
	var rel v1alpha1.Release
	if err := f.client.Get(t.Context(), client.ObjectKeyFromObject(held), &rel); err != nil {
		t.Fatal(err)
	}
	rel.Status.Message = "ci/test failed"
	if err := f.client.Status().Update(t.Context(), &rel); err != nil {
		t.Fatal(err)
	}
	reconcile("acme/shop a: held: ci/test failed")
	reconcile()
}

// A report that could not be made durable is sent again.
func TestReportIsDurable(t *testing.T) {
	away := errors.New("no answer")
	calls := interceptor.Funcs{SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
		if away != nil {
			return away
		}
		return c.SubResource(sub).Patch(ctx, o, patch, opts...)
	}}
	f := newFixtureWith(kubefake.Intercepted(t, calls, project(), stage(), releaseOf(1, "a", v1alpha1.PhaseBuilding, "")))
	if _, err := f.Reconcile(t.Context(), shopDev); err == nil {
		t.Error("the release does not know, and nobody says so")
	}
	away = nil
	if _, err := f.Reconcile(t.Context(), shopDev); err != nil {
		t.Fatal(err)
	}
	if len(f.sink.sent) != 2 || f.reported(t)[1] != v1alpha1.PhaseBuilding {
		t.Errorf("sent %q, reported %q", f.sink.sent, f.reported(t)[1])
	}
}

// When the server ends, what was cut short is not taken for reported.
func TestEndOfTheServer(t *testing.T) {
	f := newFixture(t, project(), stage(), releaseOf(1, "a", v1alpha1.PhaseBuilding, ""))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.sink.err = context.Canceled
	if _, err := f.Reconcile(ctx, shopDev); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := f.reported(t)[1]; got != "" {
		t.Errorf("reported %q", got)
	}
}

// What can't be read is an error.
func TestReadErrors(t *testing.T) {
	away := errors.New("no answer")
	for name, calls := range map[string]interceptor.Funcs{
		"releases": {List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error { return away }},
		"stage": {Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return away
		}},
	} {
		f := newFixtureWith(kubefake.Intercepted(t, calls, project(), stage()))
		if _, err := f.Reconcile(t.Context(), shopDev); !errors.Is(err, away) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Only what may have something to report causes a look.
func TestWatches(t *testing.T) {
	look := []ctrl.Request{shopDev}
	tests := map[string]struct {
		got  []ctrl.Request
		want []ctrl.Request
	}{
		"another step":     {stageOfRelease(t.Context(), releaseOf(1, "a", v1alpha1.PhaseBuilding, "")), look},
		"the same step":    {stageOfRelease(t.Context(), releaseOf(1, "a", v1alpha1.PhaseVerifying, v1alpha1.PhaseApplying)), nil},
		"held":             {stageOfRelease(t.Context(), releaseOf(1, "a", v1alpha1.PhaseHeld, v1alpha1.PhaseHeld)), look}, // perhaps for another reason
		"no release":       {stageOfRelease(t.Context(), stage()), nil},
		"a skipped head":   {unreleasedStage(t.Context(), skipped("b")), look},
		"a head":           {unreleasedStage(t.Context(), stage()), nil},
		"not even a stage": {unreleasedStage(t.Context(), project()), nil},
	}
	for name, tt := range tests {
		if !cmp.Equal(tt.got, tt.want) {
			t.Errorf("%s: a look at %v, want %v", name, tt.got, tt.want)
		}
	}
}
