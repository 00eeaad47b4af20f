//go:build integration

package convergence

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

// together is how many histories are played at the same time.
const together = 12

// steps is how long a history is at most.
const steps = 14

// TestHistories plays random histories while the server is killed again and
// again, and wants the stages of each to become what its refs say. A history
// that fails is written to testdata, and played first from then on.
func TestHistories(t *testing.T) {
	p := interceptPost()
	defer world.Forge.Intercept(nil)
	h := startServer(t)
	ctx, stop := context.WithCancel(t.Context())
	var keeper sync.WaitGroup
	keeper.Go(func() {
		if err := h.revive(ctx); err != nil {
			t.Error(err)
		}
	})
	defer keeper.Wait()
	defer stop()
	organization := fmt.Sprintf("histories-%d", *first)
	if err := world.Organization(ctx, organization); err != nil {
		t.Fatal(err)
	}
	h.killAtRandom(uint64(*first))
	var sent, lost atomic.Int64
	began := time.Now()
	slots := make(chan struct{}, together)
	var players sync.WaitGroup
	for name, history := range allHistories(t) {
		slots <- struct{}{}
		players.Go(func() {
			defer func() { <-slots }()
			team := playOne(t, organization, name, history, p)
			sent.Add(int64(team.sent))
			lost.Add(int64(team.lost))
		})
	}
	players.Wait()
	stop()
	keeper.Wait()
	t.Logf("%d histories in %s: %d deliveries sent, %d lost, the server killed %d times", *histories, time.Since(began).Round(time.Second), sent.Load(), lost.Load(), h.kills)
	if h.kills == 0 || lost.Load() == 0 {
		t.Errorf("%d kills, %d lost deliveries: nothing was shown", h.kills, lost.Load())
	}
}

// playOne plays one history to its end.
func playOne(t *testing.T, organization, name string, history History, p *post) *team {
	ctx := t.Context()
	seed := int(name[len(name)-1])
	team, err := join(ctx, organization, name, seed, p)
	if err == nil {
		err = team.play(ctx, history)
	}
	if err == nil {
		err = team.converges(ctx)
	}
	if err != nil {
		keepHistory(t, name, history)
		t.Errorf("%v\nmodel %v\n%s", err, team.model.refs, output.about(name))
	}
	if err := team.suspend(ctx); err != nil {
		t.Error(err)
	}
	return team
}

// killAtRandom kills the server when a random number of requests have gone to
// the API server, before the next is answered or before it arrives.
func (h *harness) killAtRandom(seed uint64) {
	chance := rand.New(rand.NewPCG(seed, 2))
	var mu sync.Mutex
	left := 400
	h.gate.Watch(func(servertest.Passing) bool {
		mu.Lock()
		defer mu.Unlock()
		left--
		if left > 0 {
			return true
		}
		left = 50 + chance.IntN(2500)
		h.kill()
		return false
	})
}

// allHistories returns the regression cases of testdata and as many random
// histories as the flag says.
func allHistories(t *testing.T) map[string]History {
	t.Helper()
	all := map[string]History{}
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var history History
		if err := json.Unmarshal(data, &history); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[fmt.Sprintf("kept-%d", i)] = history
	}
	for seed := *first; seed < *first+*histories; seed++ {
		all[fmt.Sprintf("seed-%d", seed)] = genHistory(steps).Example(seed)
	}
	return all
}

// keepHistory writes a history that failed to testdata.
func keepHistory(t *testing.T, name string, history History) {
	t.Helper()
	file := filepath.Join("testdata", "histories", name+".json")
	data, err := json.MarshalIndent(history, "", " ")
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o755)
	}
	if err == nil {
		err = os.WriteFile(file, append(data, '\n'), 0o644)
	}
	if err != nil {
		t.Error(err)
		return
	}
	t.Logf("%s failed; it is kept in %s: commit it with the repair", name, file)
}
