package project

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
)

// What syncs cost a project, of syncBurst at most and syncRate a second: one
// each, and one for every delivery that they serve, up to syncCost. Some pushes
// a second are synced at once each, a flood of deliveries every two seconds, which
// costs the others little.
const (
	syncRate  = 10
	syncBurst = 20
	syncCost  = 20
)

// timerBurst is how many syncs that only the timer asks for may come at once.
const timerBurst = 32

// memory remembers of each project when it was last synced, so that a sync
// that finds nothing new writes nothing, and the status last written, which
// the watch cache may not show yet. It is empty after a start: every project
// is synced then. It is safe for concurrent use.
type memory struct {
	mu       sync.Mutex
	timers   *rate.Limiter // of syncs that only the timer asks for
	projects map[types.NamespacedName]*remembered
}

// remembered is what is remembered of one project.
type remembered struct {
	began     time.Time               // of the last sync; zero when the next one is due
	asked     bool                    // for the next one, by more than the timer
	turn      time.Time               // of a sync that only the timer asks for; zero when none is
	status    *v1alpha1.ProjectStatus // nil before the first is written
	conflicts int                     // syncs in a row that met one
	pace      *rate.Limiter
}

func newMemory(timers rate.Limit) *memory {
	return &memory{timers: rate.NewLimiter(timers, timerBurst), projects: map[types.NamespacedName]*remembered{}}
}

// of returns what is remembered of a project; the caller holds the lock.
func (m *memory) of(name types.NamespacedName) *remembered {
	known, found := m.projects[name]
	if !found {
		known = &remembered{pace: rate.NewLimiter(syncRate, syncBurst)}
		m.projects[name] = known
	}
	return known
}

// begin records a sync that serves some deliveries.
func (m *memory) begin(name types.NamespacedName, waiting int, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(name)
	known.began, known.asked, known.turn = at, false, time.Time{}
	known.pace.ReserveN(at, min(1+waiting, syncCost))
}

func (m *memory) began(name types.NamespacedName) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.of(name).began
}

func (m *memory) wrote(name types.NamespacedName, status v1alpha1.ProjectStatus) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(name).status = status.DeepCopy()
}

// current returns the project with the status last written, whatever the
// cache says: nobody else writes what it reads there.
func (m *memory) current(p *v1alpha1.Project) *v1alpha1.Project {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := p.DeepCopy()
	if status := m.of(client.ObjectKeyFromObject(p)).status; status != nil {
		known.Status = *status.DeepCopy()
	}
	return known
}

// pause returns how long a project that was synced too often must not be, 0
// when it may.
func (m *memory) pause(name types.NamespacedName, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	missing := max(1-m.of(name).pace.TokensAt(now), 0)
	return time.Duration(missing / syncRate * float64(time.Second))
}

// turn returns how long a project waits whose sync only the timer asks for: those of
// all projects together have a pace, after a start as well.
func (m *memory) turn(name types.NamespacedName, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(name)
	if known.asked {
		return 0
	}
	if known.turn.IsZero() {
		known.turn = now.Add(m.timers.ReserveN(now, 1).DelayFrom(now))
	}
	return max(known.turn.Sub(now), 0)
}

// again makes the next sync due, whenever the last one was.
func (m *memory) again(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(name)
	known.began, known.asked = time.Time{}, true
}

// conflicted makes the next sync due and returns when it is worth a try.
func (m *memory) conflicted(name types.NamespacedName) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of(name)
	known.began, known.asked = time.Time{}, true
	known.conflicts++
	return min(kube.ConflictDelay<<min(known.conflicts-1, 16), kube.RetryMax)
}

// ended records a sync that met no conflict.
func (m *memory) ended(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(name).conflicts = 0
}

func (m *memory) forget(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.projects, name)
}
