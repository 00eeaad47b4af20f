package target

import (
	"sync"

	"k8s.io/utils/lru"

	"github.com/slipway-dev/slipway/internal/release/fingerprint"
)

// maxFingerprints bounds the fingerprints in memory, in bytes.
const maxFingerprints = 32 << 20

// fingerprintOverhead approximates what an entry costs beside its fingerprint, in
// bytes.
const fingerprintOverhead = 256

// fingerprints keeps those that were used last. Bundles never change, so neither
// do these. It is safe for concurrent use.
type fingerprints struct {
	max int

	mu    sync.Mutex
	size  int
	items *lru.Cache // fingerprintKey → *fingerprint.Fingerprint, nil for a bundle without one
}

// fingerprintKey names a bundle.
type fingerprintKey struct{ namespace, name string }

func newFingerprints(max int) *fingerprints {
	f := &fingerprints{max: max}
	f.items = lru.NewWithEvictionFunc(0, func(_ lru.Key, item any) {
		f.size -= fingerprintCost(item.(*fingerprint.Fingerprint))
	})
	return f
}

func fingerprintCost(f *fingerprint.Fingerprint) int {
	if f == nil {
		return fingerprintOverhead
	}
	return fingerprintOverhead + f.Size()
}

func (f *fingerprints) keep(key fingerprintKey, item *fingerprint.Fingerprint) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.items.Get(key); known {
		return
	}
	f.items.Add(key, item)
	for f.size += fingerprintCost(item); f.size > f.max; {
		f.items.RemoveOldest()
	}
}

func (f *fingerprints) get(key fingerprintKey) (item *fingerprint.Fingerprint, found bool) {
	kept, found := f.items.Get(key)
	if !found {
		return nil, false
	}
	return kept.(*fingerprint.Fingerprint), true
}
