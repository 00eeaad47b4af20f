package build

import (
	"time"

	"k8s.io/apimachinery/pkg/util/cache"
)

// maxCachedDigests bounds the cache; beyond it, the digests that were asked
// for least recently go.
const maxCachedDigests = 10_000

// digestCache remembers which digest a tag had. It is safe for concurrent
// use.
type digestCache struct {
	ttl     time.Duration
	entries *cache.LRUExpireCache // digest by reference
}

// clock makes a function what the cache asks for the time.
type clock func() time.Time

// Now returns the time.
func (c clock) Now() time.Time { return c() }

func newDigestCache(ttl time.Duration, now func() time.Time) *digestCache {
	return &digestCache{ttl: ttl, entries: cache.NewLRUExpireCacheWithClock(maxCachedDigests, clock(now))}
}

func (c *digestCache) get(ref string) (string, bool) {
	known, found := c.entries.Get(ref)
	digest, _ := known.(string)
	return digest, found
}

func (c *digestCache) put(ref, digest string) {
	c.entries.Add(ref, digest, c.ttl-1) // one that is as old as the TTL counts no more
}
