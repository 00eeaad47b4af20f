package build

import (
	"sync"
	"time"
)

// maxCachedDigests bounds the cache; beyond it, old and then arbitrary entries
// go.
const maxCachedDigests = 10_000

// digestCache remembers which digest a tag had. It is safe for concurrent
// use.
type digestCache struct {
	ttl     time.Duration
	now     func() time.Time
	mu      sync.Mutex
	entries map[string]cachedDigest
}

type cachedDigest struct {
	digest string
	until  time.Time
}

func newDigestCache(ttl time.Duration, now func() time.Time) *digestCache {
	return &digestCache{ttl: ttl, now: now, entries: map[string]cachedDigest{}}
}

func (c *digestCache) get(ref string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.entries[ref]
	if !ok || !c.now().Before(entry.until) {
		return "", false
	}
	return entry.digest, true
}

func (c *digestCache) put(ref, digest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= maxCachedDigests {
		c.evict()
	}
	c.entries[ref] = cachedDigest{digest: digest, until: c.now().Add(c.ttl)}
}

func (c *digestCache) evict() {
	for ref, entry := range c.entries {
		if !c.now().Before(entry.until) {
			delete(c.entries, ref)
		}
	}
	for ref := range c.entries {
		if len(c.entries) < maxCachedDigests {
			return
		}
		delete(c.entries, ref)
	}
}
