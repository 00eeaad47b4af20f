package webhook

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/lru"
)

// Limits bound what senders can make the receiver do. Zero fields take the
// defaults.
type Limits struct {
	// Address is how many requests one address may make. All projects of a
	// forge share its few addresses, and everybody shares the address of a proxy
	// that isn't in Options.Proxies.
	Address Allowance
	// Unauthenticated is how many requests without a valid signature one address
	// may make. Beyond it, large bodies from the address are not read and its
	// failures not logged.
	Unauthenticated Allowance
	// Project is how many authenticated deliveries one project may have. Others
	// don't count, so only who knows the secret can use it up. The next sync on
	// the timer finds the changes of refused deliveries.
	Project Allowance
	// Writes is how many deliveries of one project are stored at the same time;
	// further ones wait, at most for Create.
	Writes int
	// Table is how many addresses, and how many projects, are kept in mind.
	Table int
	// Memory is how many bytes of request bodies are held at once.
	Memory int64
	// Read is how long the whole body may take.
	Read time.Duration
	// Create is how long storing a delivery may take; forges wait about ten
	// seconds for an answer.
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
	if l.Unauthenticated == (Allowance{}) {
		l.Unauthenticated = Allowance{PerSecond: 2, Burst: 60}
	}
	if l.Project == (Allowance{}) {
		l.Project = Allowance{PerSecond: 250, Burst: 6000}
	}
	if l.Writes == 0 {
		l.Writes = 2
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

// allowances keeps one token bucket per key, for the size keys that were used
// last: a sender that keeps sending is never forgotten, however many others
// there are.
type allowances struct {
	each Allowance

	mu      sync.Mutex // makes get-or-add one step
	buckets *lru.Cache // of string to *rate.Limiter
}

func newAllowances(each Allowance, size int) *allowances {
	return &allowances{each: each, buckets: lru.New(size)}
}

// left reports whether the key has an allowance left, without using it.
func (a *allowances) left(key string, now time.Time) bool { return a.of(key).TokensAt(now) >= 1 }

// take uses the key's allowance and reports whether it had one.
func (a *allowances) take(key string, now time.Time) bool { return a.of(key).AllowN(now, 1) }

func (a *allowances) of(key string) *rate.Limiter {
	a.mu.Lock()
	defer a.mu.Unlock()
	if bucket, found := a.buckets.Get(key); found {
		return bucket.(*rate.Limiter)
	}
	bucket := rate.NewLimiter(rate.Limit(a.each.PerSecond), a.each.Burst)
	a.buckets.Add(key, bucket)
	return bucket
}

// sender returns the key of an address. A single IPv6 host has a whole /64 to
// itself, so the key is that network.
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

// memoryBudget is how many bytes may be held at once. Nobody waits for it, because
// senders that wait with half a body would block each other.
type memoryBudget struct {
	left atomic.Int64
}

func newMemoryBudget(bytes int64) *memoryBudget {
	m := &memoryBudget{}
	m.left.Store(bytes)
	return m
}

func (m *memoryBudget) take(n int64) bool {
	if m.left.Add(-n) < 0 {
		m.left.Add(n)
		return false
	}
	return true
}

func (m *memoryBudget) give(n int64) { m.left.Add(n) }
