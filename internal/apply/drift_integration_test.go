//go:build integration

package apply

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
)

// watched gives the stage a live view and a loop that repairs what it reports,
// as the server does.
func (s *stage) watched(changed func(inventory.Drift)) {
	s.t.Helper()
	s.watchedWith(plane.Config, changed)
}

func (s *stage) watchedWith(config *rest.Config, changed func(inventory.Drift)) {
	s.t.Helper()
	live, err := cluster.NewLive(config, changed)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { live.Run(ctx) })
	s.t.Cleanup(func() { cancel(); group.Wait() })
	s.patiently("the live view is complete", func() error {
		if !live.Synced() {
			return fmt.Errorf("%d objects", live.Objects())
		}
		return nil
	})
	s.live = live
	s.restart()
}

func TestUnchangedStageTakesNoRequest(t *testing.T) {
	s := newStage(t)
	s.remembers = true
	s.watched(nil)
	documents := twelve("1")
	s.apply(manifests(documents...))
	s.applies(documents, "a second apply", "")
	documents[3] = configMap("settings", "2")
	s.traffic.spent()
	s.apply(manifests(documents...))
	if got := s.traffic.spent(); got != "PATCH=1 inventory PUT=1" {
		t.Errorf("one change took %s", got)
	}
	s.prune()
	if got := s.traffic.spent(); got != "" {
		t.Errorf("pruning nothing took %s", got)
	}
}

// applies waits until an apply that changes nothing takes the requests it
// should: kinds that are watched from their first use on take a moment.
func (s *stage) applies(documents []string, what, want string) {
	s.t.Helper()
	s.patiently(what, func() error {
		s.traffic.spent()
		if report := s.apply(manifests(documents...)); report.Unchanged != len(documents) {
			return fmt.Errorf("it is not unchanged: %+v", report)
		}
		if got := s.traffic.spent(); got != want {
			return fmt.Errorf("it took %q, want %q", got, want)
		}
		return nil
	})
}

// A Secret may not be read everywhere, but its drift is seen all the same.
func TestDriftOfASecretIsSeen(t *testing.T) {
	var mutex sync.Mutex
	seen := map[inventory.DriftKind]bool{}
	s := newStage(t)
	s.remembers = true
	s.watched(func(d inventory.Drift) {
		if d.Ref.Namespace == s.namespace && d.Ref.Kind == "Secret" {
			mutex.Lock()
			defer mutex.Unlock()
			seen[d.Kind] = true
		}
	})
	documents := []string{"apiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {token: hunter2}\n"}
	s.apply(manifests(documents...))
	s.applies(documents, "the Secret is watched", "")
	s.kubectl("", "delete", "secret", "keys")
	s.patiently("the deletion is seen", func() error {
		mutex.Lock()
		defer mutex.Unlock()
		if !seen[inventory.DriftDeleted] {
			return fmt.Errorf("only %v", seen)
		}
		return nil
	})
	if report := s.apply(manifests(documents...)); len(report.Repaired) != 1 {
		t.Errorf("repair: %+v", report)
	}
	s.live.Forget(s.namespace)
	s.traffic.spent()
	s.apply(manifests(documents...))
	if got := s.traffic.spent(); !strings.Contains(got, "GET=") {
		t.Error("the stage's Secrets are still watched after it is gone")
	}
}

// What another process wrote, such as the leader before this one, is found at
// the first conflict.
func TestRememberedInventoryGivesWay(t *testing.T) {
	s := newStage(t)
	s.remembers = true
	s.restart()
	s.apply(manifests(configMap("a", "1")))
	other := *s
	other.restart()
	other.apply(manifests(configMap("a", "1"), configMap("b", "1")))
	s.apply(manifests(configMap("a", "1"), configMap("c", "1")))
	s.prune()
	s.eventually("configmap/a", "configmap/c")
	other.apply(manifests(configMap("a", "2"), configMap("c", "1")))
	_, err := s.applier.Apply(t.Context(), s.set(manifests(configMap("a", "3"), configMap("c", "1"))))
	if fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a change that could not be recorded: %v, want it to be tried again", err)
	}
	s.apply(manifests(configMap("a", "3"), configMap("c", "1")))
	if got := s.field("cm/a", ".data.key"); got != "3" {
		t.Errorf("a is %q", got)
	}
}

// repairs applies a set again whenever drift is reported, and returns a
// function that counts the reports.
func (s *stage) repairs(all string, drifted <-chan struct{}) (reported func() int) {
	ctx, cancel := context.WithCancel(context.Background())
	var count atomic.Int64
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-drifted:
			}
			found, err := s.applier.Drift(ctx, s.owner)
			if err != nil || len(found) == 0 {
				continue
			}
			count.Add(int64(len(found)))
			if _, err := s.applier.Apply(ctx, s.set(all)); err != nil && ctx.Err() == nil {
				s.t.Errorf("repair: %v", err)
			}
		}
	})
	s.t.Cleanup(func() { cancel(); group.Wait() })
	return func() int { return int(count.Load()) }
}

func TestRandomDriftsAreRepairedInTime(t *testing.T) {
	const rounds = 30
	all := manifests(configMap("a", "1"), configMap("b", "1"), service("web", 80), deployment("web", "registry.example/web:1", 2),
		deployment("api", "registry.example/api:1", -1), horizontal("api", 1, 5))
	drifted := make(chan struct{}, 1)
	s := newStage(t)
	s.watched(func(d inventory.Drift) {
		if d.Ref.Namespace == s.namespace {
			select {
			case drifted <- struct{}{}:
			default:
			}
		}
	})
	s.apply(all)
	reported := s.repairs(all, drifted)
	attacks := []func(){
		func() { s.patch("cm/a", "", `{"data":{"key":"x"}}`) },
		func() { s.remove("cm/b") },
		func() { s.patch("deploy/web", "scale", `{"spec":{"replicas":9}}`) },
		func() { s.patch("svc/web", "", `{"metadata":{"labels":{"slipway.dev/project":null}}}`) },
		func() {
			s.patch("deploy/web", "", `{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"registry.example/evil:1"}]}}}}`)
		},
		func() { s.remove("deploy/web") },
	}
	want := func() error {
		got := s.field("cm/a", ".data.key") + s.field("cm/b", ".data.key") + s.field("svc/web", `.metadata.labels.slipway\.dev/project`) +
			s.field("deploy/web", ".spec.replicas") + s.field("deploy/web", ".spec.template.spec.containers[0].image")
		if got != "11shop2registry.example/web:1" {
			return fmt.Errorf("the stage is %s", got)
		}
		return nil
	}
	random := rand.New(rand.NewPCG(1, 2))
	var slowest time.Duration
	for round := range rounds {
		attacks[random.IntN(len(attacks))]()
		began := time.Now()
		for want() != nil {
			if time.Since(began) > 20*time.Second {
				t.Fatalf("round %d: %v", round, want())
			}
			time.Sleep(5 * time.Millisecond)
		}
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("slowest of %d repairs: %s", rounds, slowest)
	if got := reported(); got < rounds {
		t.Errorf("%d drifts were reported, want %d", got, rounds)
	}
	s.patch("deploy/api", "scale", `{"spec":{"replicas":4}}`) // as its autoscaler does
	time.Sleep(time.Second)
	if got := s.field("deploy/api", ".spec.replicas"); got != "4" {
		t.Errorf("the autoscaler's replicas were taken: %s", got)
	}
}

func TestDriftNamesWhoDidIt(t *testing.T) {
	s := newStage(t)
	s.apply(manifests(configMap("a", "1"), configMap("b", "1"), configMap("c", "1")))
	s.patch("cm/a", "", `{"data":{"key":"x"}}`)
	s.remove("cm/b")
	drifts, err := s.applier.Drift(t.Context(), s.owner)
	if err != nil || len(drifts) != 2 || drifts[0].Manager != "mallory" || drifts[0].Kind != inventory.DriftChanged || drifts[1].Kind != inventory.DriftDeleted {
		t.Errorf("%v %+v", err, drifts)
	}
	set := s.set(manifests(configMap("a", "1"), configMap("b", "1"), configMap("c", "1")))
	set.Leave = []inventory.Key{drifts[0].Ref.Key()}
	report, err := s.applier.Apply(t.Context(), set)
	if err != nil || len(report.Repaired) != 1 || s.field("cm/a", ".data.key") != "x" {
		t.Errorf("an object that is to be left: %v %+v", err, report)
	}
}
