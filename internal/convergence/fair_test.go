//go:build integration

package convergence

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/naming"
)

// wantSlower is how much longer a push may take while another project is
// flooded with deliveries.
const wantSlower = 2.0

// Both times are medians of calmPushes, calmPause apart. The flood has lasted
// for floodLead before.
const (
	calmPushes = 21
	calmPause  = 150 * time.Millisecond
	floodLead  = 3 * time.Second
)

// TestFloodOfOneProject floods one project with deliveries while another is
// pushed to.
func TestFloodOfOneProject(t *testing.T) {
	p := interceptPost()
	defer world.Forge.Intercept(nil)
	process, err := world.Launch(t.Context(), servertest.Launch{Program: program, Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	if err := world.Organization(t.Context(), "fair"); err != nil {
		t.Fatal(err)
	}
	flood := &sender{t: t, process: process, organization: "fair", transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	t.Cleanup(flood.transport.CloseIdleConnections)
	flood.join("loud")
	quiet, err := join(t.Context(), "fair", "quiet", 1, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := quiet.converges(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, output.about(quiet.Namespace))
	}
	alone := quiet.pushMany(t)
	all := &sent{accepted: map[string]bool{}}
	stop := flood.flood(all)
	time.Sleep(floodLead)
	crowded := quiet.pushMany(t)
	stop()
	ratio := float64(crowded) / float64(alone)
	fmt.Printf("\nbench door-fair alone_ms %.1f flooded_ms %.1f ratio %.2f flood %d\n", ms(alone), ms(crowded), ratio, len(all.accepted))
	if len(all.accepted) < 50 {
		t.Errorf("only %d deliveries flooded the other project: %v", len(all.accepted), first3(all.errors))
	}
	if *full && ratio > wantSlower {
		t.Errorf("a push took %s during the flood and %s without, want at most %.1f times as long", crowded, alone, wantSlower)
	}
}

// flood sends at the rate that one project may have, until it is stopped.
func (s *sender) flood(all *sent) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() {
		ticks := time.NewTicker(time.Second / time.Duration(theLoad().steadyRate))
		defer ticks.Stop()
		slots := make(chan struct{}, senders)
		for ctx.Err() == nil {
			<-ticks.C
			slots <- struct{}{}
			group.Go(func() {
				all.note(s.send(context.WithoutCancel(ctx)))
				<-slots
			})
		}
	})
	return func() {
		cancel()
		group.Wait()
	}
}

// pushMany pushes some times and returns the median time from the delivery to
// the change in the namespace.
func (t *team) pushMany(tt *testing.T) time.Duration {
	tt.Helper()
	var took []time.Duration
	for i := range calmPushes {
		time.Sleep(calmPause)
		t.step++
		if err := t.commit("main", ""); err != nil {
			tt.Fatal(err)
		}
		began := time.Now()
		t.dispatch(tt.Context(), Step{Copies: 1})
		live, content := &view{ctx: tt.Context()}, t.model.content("main", t.model.refs["refs/heads/main"])
		for deadline := began.Add(patience); ; time.Sleep(10 * time.Millisecond) {
			err := live.runs(naming.Namespace(t.Organization, t.Name, "main"), content)
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				tt.Fatalf("push %d: %v", i, err)
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2]
}
