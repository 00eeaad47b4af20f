//go:build integration

package bench

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

// The objects of BenchmarkManyStages.
var (
	manyStages   = flag.Int("stages", 10_000, "how many stages BenchmarkManyStages makes")
	releasesEach = flag.Int("releases", 10, "how many finished releases each of them has")
)

// What a server may need for them.
const (
	cacheMemory  = 400 << 20 // bytes resident
	serverMemory = 600 << 20
	readyTime    = 20 * time.Second
	idleCores    = 0.15
	idleWindow   = time.Minute
)

// BenchmarkManyStages measures one replica with many stages: its watch cache
// alone, its restart, and what it needs while nothing happens.
func BenchmarkManyStages(b *testing.B) {
	if *program == "" {
		b.Fatal("give -slipway: memory is that of a process of its own")
	}
	server := launch(b)
	if err := world.Organization(b.Context(), "many"); err != nil {
		b.Fatal(err)
	}
	server.process.Kill()
	began := time.Now()
	projects := *manyStages / stagesPerProject
	if err := newFleet(b, "many").fill(b.Context(), projects, *releasesEach); err != nil {
		b.Fatal(err)
	}
	fmt.Printf("bench many-stages made_s %.0f\n", time.Since(began).Seconds())
	measureCache(b)
	server = launch(b) // shows what the releases made of the stages
	settle(b, server, projects)
	server.process.Kill()
	measureRestart(b, projects)
}

// launch starts the program as the chart does.
func launch(b *testing.B) outside {
	b.Helper()
	log := &servertest.Log{}
	process, err := world.Launch(b.Context(), servertest.Launch{Program: servertest.Program(*program), Log: log, Flags: []string{"--sync-interval", "5m"}})
	if err != nil {
		b.Fatalf("%v\n%s", err, log)
	}
	b.Cleanup(process.Kill)
	return outside{process}
}

// settle waits until every project was synced and nothing is written any more.
func settle(b *testing.B, server outside, projects int) {
	b.Helper()
	for deadline := time.Now().Add(10 * time.Minute); server.spent(b).syncs < projects; time.Sleep(restTime) {
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d projects were synced", server.spent(b).syncs, projects)
		}
	}
	idle(b, server)
}

// measureRestart measures a server from its start on.
func measureRestart(b *testing.B, projects int) {
	began := time.Now()
	server := launch(b)
	ready, peak := time.Since(began), server.peak(b)
	atReady := server.spent(b)
	settle(b, server, projects)
	settled := time.Since(began)
	start := server.spent(b)
	peak = max(peak, server.peak(b))
	time.Sleep(idleWindow)
	window := server.spent(b).minus(start)
	resident, cores := server.memory(b), window.processor.Seconds()/idleWindow.Seconds()
	fmt.Printf("bench many-stages restart ready_s %.1f ready_cpu_s %.1f settled_s %.1f settled_cpu_s %.1f peak_mib %.0f\n",
		ready.Seconds(), atReady.processor.Seconds(), settled.Seconds(), start.processor.Seconds(), mebibytes(peak))
	fmt.Printf("bench many-stages idle resident_mib %.0f cores %.3f syncs_per_s %.1f requests %v\n",
		mebibytes(resident), cores, float64(window.syncs)/idleWindow.Seconds(), window.requests)
	if window.writes() > 0 {
		b.Errorf("the server wrote although nothing happened: %v", window.requests)
	}
	if resident > serverMemory || ready > readyTime || cores > idleCores {
		b.Errorf("the server took %.0f MiB, %s until it was ready and %.3f cores while idle; want at most %d MiB, %s and %.2f",
			mebibytes(resident), ready, cores, serverMemory>>20, readyTime, idleCores)
	}
}
