package entrance

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/entrance"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

const (
	gate      = "slipway-gate"
	namespace = "slipway-org-acme"
	manifests = `apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
  - name: http
    port: 8080
  selector:
    app: web
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
spec:
  rules:
  - host: Web-PR-7-shop.apps.example
    http:
      paths:
      - backend:
          service:
            name: web
            port:
              name: http
`
)

var pr7 = ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: "shop-pr-7"}}

func noon() time.Time { return time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC) }

// place is where the preview is.
type place struct {
	read   int
	err    error
	slices []discoveryv1.EndpointSlice
}

func (p *place) Bundle(context.Context, string, string) ([]byte, error) {
	p.read++
	return []byte(manifests), p.err
}
func (p *place) Labels() map[string]string { return map[string]string{"slipway.dev/stage": "pr-7"} }
func (p *place) EnsureEndpoints(_ context.Context, slices []discoveryv1.EndpointSlice) error {
	p.slices = slices
	return nil
}

// fixture is a reconciler of the preview of pull request 7.
type fixture struct {
	*Reconciler
	client client.Client
	place  *place
}

func newFixture(t *testing.T, change func(*v1alpha1.Stage), past []v1alpha1.Release, more ...client.Object) *fixture {
	t.Helper()
	stage := &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop-pr-7"},
		Spec:       v1alpha1.StageSpec{Project: "shop", Name: "pr-7", Namespace: "sw-acme-shop-pr-7", PullRequest: 7, Gated: true},
	}
	if change != nil {
		change(stage)
	}
	objects := append(more, stage)
	for i := range past {
		past[i].Namespace, past[i].Spec.Stage = namespace, stage.Name
		objects = append(objects, &past[i])
	}
	f := &fixture{client: kubefake.New(t, objects...), place: &place{}}
	f.Reconciler = New(Reconciler{
		Client: f.client, Namespace: gate, Key: entrance.NewKey([]byte("a secret")), Now: noon,
		Targets: func(context.Context, *v1alpha1.Stage) (Target, error) { return f.place, nil },
	})
	return f
}

func (f *fixture) look(t *testing.T) {
	t.Helper()
	if result, err := f.Reconcile(t.Context(), pr7); err != nil || result.RequeueAfter != 0 {
		t.Fatalf("%v, %v", result, err)
	}
}

// told returns what the gate is told, nil for nothing.
func (f *fixture) told(t *testing.T) *entrance.Entrance {
	t.Helper()
	var from corev1.ConfigMap
	err := f.client.Get(t.Context(), client.ObjectKey{Namespace: gate, Name: "slipway-org-acme.shop-pr-7"}, &from)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	if err != nil {
		return nil
	}
	told, err := entrance.Read(&from)
	if err != nil {
		t.Fatal(err)
	}
	return &told
}

func endpoints(address string) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: gate, Name: "slipway-gate-x", Labels: map[string]string{discoveryv1.LabelServiceName: gateService}},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{address}}},
	}
}

// The gate is told what stands behind it, and the routes of what was applied lead there.
func TestEntrance(t *testing.T) {
	past := releasetest.Past("push a good")
	past[0].Status.Message = "live"
	f := newFixture(t, nil, past, endpoints("10.1.2.3"))
	f.look(t)
	f.look(t)
	want := &entrance.Entrance{
		Project: "shop", Stage: "pr-7", Hosts: []string{"web-pr-7-shop.apps.example"}, Backends: map[int32]string{8100: "web.sw-acme-shop-pr-7.svc:8080"},
		State: entrance.Awake, Phase: v1alpha1.PhaseSucceeded, Message: "live",
	}
	if diff := cmp.Diff(want, f.told(t)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(f.place.slices) != 1 || f.place.slices[0].Endpoints[0].Addresses[0] != "10.1.2.3" || f.place.read != 1 {
		t.Errorf("slices %+v, the bundle was read %d times", f.place.slices, f.place.read)
	}
	f.place.err, f.routes = errors.New("away"), New(Reconciler{}).routes
	if _, err := f.Reconcile(t.Context(), pr7); !errors.Is(err, f.place.err) {
		t.Errorf("%v", err)
	}
}

func TestStates(t *testing.T) {
	tests := map[string]struct {
		past []string
		want entrance.State
		led  bool // the routes lead to the gate
	}{
		"nothing yet":               {nil, entrance.Starting, false},
		"the first runs":            {[]string{"push a runs"}, entrance.Starting, true},
		"the first came to nothing": {[]string{"push a failed"}, entrance.Awake, false},
		"the first is broken":       {[]string{"push a broken"}, entrance.Awake, true},
		"live":                      {[]string{"push a good"}, entrance.Awake, true},
		"another runs":              {[]string{"push a good", "push b runs"}, entrance.Awake, true},
		"falls asleep":              {[]string{"push a good", "sleep a runs"}, entrance.Asleep, true},
		"asleep":                    {[]string{"push a good", "sleep a good"}, entrance.Asleep, true},
		"asleep, one is held":       {[]string{"push a good", "sleep a good", "push b held"}, entrance.Asleep, true},
		"wakes":                     {[]string{"push a good", "sleep a good", "wake a runs"}, entrance.Starting, true},
		"wakes by a push":           {[]string{"push a good", "sleep a good", "push b runs"}, entrance.Starting, true},
		"is to wake":                {[]string{"push a good", "sleep a good", "auto-wake a asked"}, entrance.Starting, true},
		"woke, and is broken":       {[]string{"push a good", "sleep a good", "wake a broken"}, entrance.Awake, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, nil, releasetest.Past(tt.past...), endpoints("10.1.2.3"))
			f.look(t)
			told := f.told(t)
			if told.State != tt.want || (told.Sleep != "") != (tt.want == entrance.Asleep) || (len(f.place.slices) > 0) != tt.led {
				t.Errorf("told %+v, %d slices", told, len(f.place.slices))
			}
		})
	}
}

// Of a preview that sleeps the gate is told why it does not wake, and nothing else.
func TestWakesInVain(t *testing.T) {
	for newest, want := range map[string]v1alpha1.Phase{"auto-wake a failed": v1alpha1.PhaseFailed, "wake a failed": v1alpha1.PhaseFailed, "push b failed": "", "restart a failed": ""} {
		past := releasetest.Past("push a good", "sleep a good", newest)
		past[2].Status.Message = "the budget is used up"
		f := newFixture(t, nil, past, endpoints("10.1.2.3"))
		f.look(t)
		if told := f.told(t); told.State != entrance.Asleep || told.Phase != want || (told.Message != "") != (want != "") {
			t.Errorf("%s: told %+v", newest, told)
		}
	}
}

// A visit is shown on the stage, and one upon a sleep comes after its beginning.
func TestVisits(t *testing.T) {
	past := releasetest.Past("push a good", "sleep a good")
	f := newFixture(t, func(s *v1alpha1.Stage) {
		s.Status.Asleep = &v1alpha1.Asleep{Since: metav1.NewMicroTime(noon().Add(-time.Hour))}
	}, past)
	f.look(t)
	var lease coordinationv1.Lease
	key := client.ObjectKey{Namespace: gate, Name: "slipway-org-acme.shop-pr-7"}
	if err := f.client.Get(t.Context(), key, &lease); err != nil {
		t.Fatal(err)
	}
	lease.Annotations = map[string]string{"slipway.dev/wakes": f.told(t).Sleep}
	lease.Spec.RenewTime = new(metav1.NewMicroTime(noon().Add(-2 * time.Hour)))
	if err := f.client.Update(t.Context(), &lease); err != nil {
		t.Fatal(err)
	}
	f.look(t)
	var stage v1alpha1.Stage
	if err := f.client.Get(t.Context(), pr7.NamespacedName, &stage); err != nil {
		t.Fatal(err)
	}
	if visited := stage.Status.Visited; visited == nil || !visited.Time.Equal(noon()) {
		t.Errorf("visited %v", visited)
	}
}

// A preview that takes a link to see has a share, which is replaced before it ends and
// when another key signs; a public one has none.
func TestShares(t *testing.T) {
	f := newFixture(t, func(s *v1alpha1.Stage) { s.Spec.Access, s.UID = v1alpha1.AccessLink, "uid-7" }, releasetest.Past("push a good"))
	look := func(at time.Time) (v1alpha1.Stage, time.Duration) {
		t.Helper()
		f.Now = func() time.Time { return at }
		result, err := f.Reconcile(t.Context(), pr7)
		if err != nil {
			t.Fatal(err)
		}
		var stage v1alpha1.Stage
		if err := f.client.Get(t.Context(), pr7.NamespacedName, &stage); err != nil {
			t.Fatal(err)
		}
		return stage, result.RequeueAfter
	}
	first, again := look(noon())
	if _, ok := f.told(t).Wall.Admits(first.Status.Share.Token, noon()); !ok || again != shareLife-shareOverlap {
		t.Errorf("share %+v, again in %s", first.Status.Share, again)
	}
	if same, again := look(noon().Add(time.Hour)); same.Status.Share.Token != first.Status.Share.Token || again != shareLife-shareOverlap-time.Hour {
		t.Errorf("another share after an hour, or again in %s", again)
	}
	if later, _ := look(noon().Add(shareLife - shareOverlap)); later.Status.Share.Token == first.Status.Share.Token {
		t.Error("no other share before the end")
	}
	f.Key = entrance.NewKey([]byte("another"))
	moved, _ := look(noon().Add(shareLife - shareOverlap))
	if _, ok := f.told(t).Wall.Admits(moved.Status.Share.Token, f.Now()); !ok {
		t.Error("no share of the new key")
	}
	moved.Spec.Access = v1alpha1.AccessPublic
	if err := f.client.Update(t.Context(), &moved); err != nil {
		t.Fatal(err)
	}
	if public, _ := look(f.Now()); public.Status.Share != nil || f.told(t).Wall != nil {
		t.Errorf("public, and a share %+v", public.Status.Share)
	}
}

// What isn't behind the gate any more is forgotten there.
func TestForgets(t *testing.T) {
	tests := map[string]func(*v1alpha1.Stage){
		"not gated any more": func(s *v1alpha1.Stage) { s.Spec.Gated = false },
		"it ends": func(s *v1alpha1.Stage) {
			s.DeletionTimestamp, s.Finalizers = &metav1.Time{Time: noon()}, []string{"slipway.dev/stage"}
		},
		"it is gone": func(s *v1alpha1.Stage) { s.Name = "shop-pr-8" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			known, err := entrance.Entrance{}.ConfigMap(gate, "slipway-org-acme.shop-pr-7")
			if err != nil {
				t.Fatal(err)
			}
			f := newFixture(t, change, releasetest.Past("push a good"), known, entrance.NewLease(gate, known.Name))
			f.look(t)
			var leases coordinationv1.LeaseList
			if err := f.client.List(t.Context(), &leases); err != nil || len(leases.Items) > 0 || f.told(t) != nil {
				t.Errorf("%v, %d leases, told %+v", err, len(leases.Items), f.told(t))
			}
			f.look(t)
		})
	}
}

// Whose addresses changed are all stages behind the gate.
func TestWatches(t *testing.T) {
	f := newFixture(t, nil, releasetest.Past("push a good"), &v1alpha1.Stage{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop-dev"}})
	if got := f.gatedStages(t.Context(), endpoints("10.1.2.3")); len(got) != 1 || got[0] != pr7 {
		t.Errorf("%v", got)
	}
	other := endpoints("10.1.2.3")
	if other.Namespace = "other"; len(f.gatedStages(t.Context(), other)) != 0 {
		t.Error("another's endpoints")
	}
	if got := f.stageOfLease(t.Context(), entrance.NewLease(gate, "slipway-org-acme.shop-pr-7")); len(got) != 1 || got[0] != pr7 {
		t.Errorf("%v", got)
	}
	if got := f.stageOfLease(t.Context(), entrance.NewLease("other", "slipway-org-acme.shop-pr-7")); len(got) != 0 {
		t.Errorf("%v", got)
	}
	for stage, want := range map[string]int{"shop-pr-7": 1, "shop-dev": 0, "gone": 0} {
		rel := &v1alpha1.Release{ObjectMeta: metav1.ObjectMeta{Namespace: namespace}, Spec: v1alpha1.ReleaseSpec{Stage: stage}}
		if got := f.gatedStageOf(t.Context(), rel); len(got) != want {
			t.Errorf("%s: %v", stage, got)
		}
	}
}
