package webhook

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Limits bounds what senders can make the door do. Zero fields take the
// defaults.
type Limits struct {
	// Address is how many requests one address may make. All projects of a
	// forge share its few addresses, and a proxy's that isn't in Options.Proxies
	// is shared by everybody.
	Address Allowance
	// Unbelieved is how many requests without a valid signature one address may
	// make before large bodies from it aren't read and its failures not logged.
	Unbelieved Allowance
	// Project is how many believed deliveries one project may have. Requests
	// that aren't believed don't count, so a stranger can't use it up. What is
	// refused here is found by the next sync on the timer.
	Project Allowance
	// Flight is how many deliveries of one project are made durable at the same
	// time; others of it wait, at most for Create.
	Flight int
	// Table is how many addresses and how many projects are remembered.
	Table int
	// Memory is how many bytes of bodies are held at once.
	Memory int64
	// Read is how long the whole body may take.
	Read time.Duration
	// Create is how long making a delivery durable may take; forges wait about
	// ten seconds for an answer.
	Create time.Duration
}

// Allowance is a token bucket.
type Allowance struct {
	PerSecond float64
	Burst     int
}

func (l Limits) orDefault() Limits {
	if l.Address == (Allowance{}) {
		l.Address = Allowance{PerSecond: 2000, Burst: 20000}
	}
	if l.Unbelieved == (Allowance{}) {
		l.Unbelieved = Allowance{PerSecond: 2, Burst: 60}
	}
	if l.Project == (Allowance{}) {
		l.Project = Allowance{PerSecond: 250, Burst: 6000}
	}
	if l.Flight == 0 {
		l.Flight = 2
	}
	if l.Table == 0 {
		l.Table = 4096
	}
	if l.Memory == 0 {
		l.Memory = 64 << 20
	}
	if l.Read == 0 {
		l.Read = 10 * time.Second
	}
	if l.Create == 0 {
		l.Create = 8 * time.Second
	}
	return l
}

// allowances keeps one token bucket per key, of at most size keys. When full
// it forgets those that were used longest ago, so whoever keeps sending is
// remembered however many others come by.
type allowances struct {
	each Allowance
	size int

	mu      sync.Mutex
	buckets map[string]*bucket
	use     uint64
}

type bucket struct {
	*rate.Limiter
	used uint64
}

func newAllowances(each Allowance, size int) *allowances {
	return &allowances{each: each, size: size, buckets: make(map[string]*bucket)}
}

// left reports whether the key has an allowance left, without using it.
func (a *allowances) left(key string, now time.Time) bool { return a.of(key).TokensAt(now) >= 1 }

// take uses the key's allowance and reports whether it had one.
func (a *allowances) take(key string, now time.Time) bool { return a.of(key).AllowN(now, 1) }

func (a *allowances) of(key string) *bucket {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.buckets[key]
	if b == nil {
		if len(a.buckets) >= a.size {
			a.forget()
		}
		b = &bucket{Limiter: rate.NewLimiter(rate.Limit(a.each.PerSecond), a.each.Burst)}
		a.buckets[key] = b
	}
	a.use++
	b.used = a.use
	return b
}

// forget drops the buckets that aren't among the newest half of the uses.
func (a *allowances) forget() {
	oldest := a.use - uint64(a.size)/2 //nolint:gosec // a size is positive
	for key, b := range a.buckets {
		if b.used <= oldest {
			delete(a.buckets, key)
		}
	}
}

// sender returns the key of an address. A single IPv6 host commands a whole
// /64, so that is what counts.
func sender(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return network.String()
}

// memoryBudget is how many bytes may be held at once. Nobody waits for it: waiting
// senders with half a body would block each other.
type memoryBudget struct {
	left atomic.Int64
}

func newMemoryBudget(bytes int64) *memoryBudget {
	r := &memoryBudget{}
	r.left.Store(bytes)
	return r
}

func (r *memoryBudget) take(n int64) bool {
	if r.left.Add(-n) < 0 {
		r.left.Add(n)
		return false
	}
	return true
}

func (r *memoryBudget) give(n int64) { r.left.Add(n) }
