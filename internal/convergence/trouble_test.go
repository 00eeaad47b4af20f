//go:build integration

package convergence

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

// trouble is how long a neighbour is disturbed, and recovery how long the
// server may take afterwards.
const (
	trouble  = 6 * time.Second
	recovery = 60 * time.Second
)

// maxConnections is how many connections a broken neighbour may be asked for
// in each second of trouble: each of some twenty watches tries once a second.
const maxConnections = 60

// links disturb every neighbour of the server.
type links struct {
	api, git, registry *servertest.Link
	straight           string // the forge's URL without a link
}

// TestTrouble disturbs each neighbour in each way while somebody pushes, and
// wants it said on an object, no storm of requests, nothing lost, and the push
// live once the neighbour is well again.
func TestTrouble(t *testing.T) {
	l := newLinks(t)
	p := interceptPost()
	defer world.Forge.Intercept(nil)
	h := startLinkedServer(t, l)
	startNode(t)
	fx := newFixture(t, h, p, "trouble")
	fx.push(t, "start", "")
	fx.settle(t)
	moods := map[string]servertest.Mood{"slow": {Delay: 400 * time.Millisecond}, "refusing": {Refuse: true}, "resetting": {Reset: true}}
	for neighbour, link := range map[string]*servertest.Link{"api": l.api, "git": l.git, "registry": l.registry} {
		for mood, set := range moods {
			t.Run(neighbour+" "+mood, func(t *testing.T) { fx.disturb(t, neighbour, link, set) })
		}
	}
}

// newLinks puts links before the forge and the registry of the world, until
// the test ends.
func newLinks(t *testing.T) *links {
	t.Helper()
	link := func(target string) *servertest.Link {
		made, err := servertest.NewLink(target)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(made.Close)
		return made
	}
	forge, registry := world.Forge.URL(), world.Registry
	l := &links{straight: forge, git: link(strings.TrimPrefix(forge, "http://")), registry: link(registry)}
	world.Forge.SetURL("http://" + l.git.Address)
	world.Registry = l.registry.Address
	t.Cleanup(func() {
		world.Forge.SetURL(forge)
		world.Registry = registry
	})
	return l
}

// startLinkedServer starts a server behind the links.
func startLinkedServer(t *testing.T, l *links) *harness {
	t.Helper()
	gate, err := servertest.NewGate(world.Plane)
	if err != nil {
		t.Fatal(err)
	}
	if l.api, err = servertest.NewLink(strings.TrimPrefix(gate.URL, "https://")); err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, gate: gate, link: l.api}
	t.Cleanup(func() {
		h.close()
		l.api.Close()
	})
	if err := h.start(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, output.about(""))
	}
	return h
}

// disturb pushes while a neighbour is disturbed.
func (fx *fixture) disturb(t *testing.T, neighbour string, link *servertest.Link, mood servertest.Mood) {
	fx.pushes++
	fx.gate.Traffic.Take()
	taken := link.Taken()
	if err := link.Set(mood); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	fx.push(t, fmt.Sprintf("trouble %d", fx.pushes), "")
	said := fx.says(t, neighbour, mood)
	time.Sleep(trouble - time.Since(began))
	connections, requests := link.Taken()-taken, len(fx.gate.Traffic.Take())
	if err := link.Set(servertest.Mood{}); err != nil {
		t.Fatal(err)
	}
	well := time.Now()
	if err := fx.converges(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, output.about(fx.Namespace))
	}
	t.Logf("%d connections to it and %d requests to the API server in %s; live %s after it was well again; said: %s",
		connections, requests, time.Since(began).Round(time.Second), time.Since(well).Round(100*time.Millisecond), said)
	if limit := maxConnections * int(trouble.Seconds()); connections > limit || requests > limit {
		t.Errorf("%d connections and %d requests, want at most %d each", connections, requests, limit)
	}
	if took := time.Since(well); took > recovery {
		t.Errorf("it took %s, want at most %s", took, recovery)
	}
	if broken := mood.Refuse || mood.Reset; broken && neighbour != "api" && said == "" {
		t.Error("no object says what is wrong")
	}
	if fx.process.Alive() != true {
		t.Error("the server ended")
	}
}

// says waits until an object says what is wrong, as long as the trouble
// lasts. When it is the API server, no object can.
func (fx *fixture) says(t *testing.T, neighbour string, mood servertest.Mood) string {
	t.Helper()
	if neighbour == "api" || mood.Delay > 0 {
		return ""
	}
	for deadline := time.Now().Add(trouble - time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		var project v1alpha1.Project
		var releases v1alpha1.ReleaseList
		err := errors.Join(world.Client.Get(t.Context(), client.ObjectKey{Namespace: fx.Namespace, Name: fx.Name}, &project),
			world.Client.List(t.Context(), &releases, client.InNamespace(fx.Namespace)))
		if err != nil {
			t.Fatal(err)
		}
		synced := meta.FindStatusCondition(project.Status.Conditions, v1alpha1.ConditionSynced)
		if synced != nil && synced.Reason == "Unavailable" {
			return "project: " + synced.Message
		}
		for _, release := range releases.Items {
			if c := meta.FindStatusCondition(release.Status.Conditions, v1alpha1.ConditionWaiting); c != nil && c.Reason == "Unavailable" {
				return "release: " + c.Message
			}
		}
	}
	return ""
}
