package fastpath

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/queue"
)

// desk is a client whose statuses a scribe writes.
type desk struct {
	client.Client
	scribe *scribe
}

func (d desk) Status() client.SubResourceWriter { return d.scribe }

// scribe notes the phases of releases that are written.
type scribe struct {
	client.SubResourceWriter

	mu     sync.Mutex
	phases []v1alpha1.Phase
}

func (s *scribe) Patch(_ context.Context, o client.Object, _ client.Patch, _ ...client.SubResourcePatchOption) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phases = append(s.phases, o.(*v1alpha1.Release).Status.Phase)
	return nil
}

// entered is a phase that a release enters, and how long it stays there.
type entered struct {
	phase v1alpha1.Phase
	stays time.Duration
}

func TestPhasesAreWrittenWhenTheyLast(t *testing.T) {
	tests := map[string]struct {
		steps  []entered
		want   []v1alpha1.Phase
		over   bool
		sooner time.Duration // than PhaseDelay
	}{
		"quick":       {[]entered{{"Applying", 0}, {"Verifying", 10 * time.Millisecond}, {"Succeeded", 0}}, []v1alpha1.Phase{"Succeeded"}, true, 0},
		"one lasts":   {[]entered{{"Applying", 10 * time.Millisecond}, {"Verifying", 5 * time.Second}, {"Succeeded", 0}}, []v1alpha1.Phase{"Verifying", "Succeeded"}, true, 0},
		"both last":   {[]entered{{"Applying", 2 * time.Second}, {"Verifying", 2 * time.Second}, {"Failed", 0}}, []v1alpha1.Phase{"Applying", "Verifying", "Failed"}, true, 0},
		"builds":      {[]entered{{"Building", 0}, {"Rendering", 0}, {"Succeeded", 0}}, []v1alpha1.Phase{"Building", "Succeeded"}, true, 0},
		"waits":       {[]entered{{"Held", 5 * time.Second}}, []v1alpha1.Phase{"Held"}, false, 0},
		"at once":     {[]entered{{"Applying", 0}, {"Verifying", 0}, {"Succeeded", 0}}, []v1alpha1.Phase{"Applying", "Verifying", "Succeeded"}, true, PhaseDelay},
		"interrupted": {[]entered{{"Applying", 0}}, nil, false, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, gate := &scribe{}, queue.NewPriorityGate(StatusGateLimit)
				journals := Journals{Client: NewThrottledClient(desk{scribe: s}, gate), Gate: gate, Delay: PhaseDelay - tt.sooner, Log: slog.New(slog.DiscardHandler)}
				journal := journals.Open(&v1alpha1.Release{})
				for _, next := range tt.steps {
					if err := journal.Write(t.Context(), v1alpha1.ReleaseStatus{Phase: next.phase}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(next.stays)
				}
				journal.Close()
				time.Sleep(time.Minute) // nothing is written after its end
				if s.mu.Lock(); !slices.Equal(s.phases, tt.want) || over(journal) != tt.over {
					t.Errorf("wrote %v, over %t; want %v, %t", s.phases, over(journal), tt.want, tt.over)
				}
				s.mu.Unlock()
			})
		})
	}
}

func over(j *Journal) bool {
	_, over := j.Finished()
	return over
}
