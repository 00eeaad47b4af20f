package mirror

import (
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/sync/semaphore"
	"k8s.io/utils/lru"
)

// objectOverhead approximates what an object costs beside its content.
const objectOverhead = 256

// indexMemory is how many bytes indexing takes for all packs together: small ones are
// indexed at the same time, large ones one after the other.
const indexMemory = 112 << 20

// objectCache keeps recently read objects of all mirrors, bounded in bytes.
// Entries belong to their mirror, so that one repository never answers from
// another's objects. It is safe for concurrent use.
type objectCache struct {
	max      int64
	owners   atomic.Uint64
	indexing *semaphore.Weighted // bytes for indexing packs, of all mirrors

	mu    sync.Mutex // held while size and items change together
	size  int64
	items *lru.Cache // of cacheKey to plumbing.EncodedObject; bounded by size, not by number
}

type cacheKey struct {
	owner uint64
	hash  plumbing.Hash
}

func newObjectCache(max int64) *objectCache {
	c := &objectCache{max: max, indexing: semaphore.NewWeighted(indexMemory)}
	c.items = lru.NewWithEvictionFunc(0, func(_ lru.Key, object any) {
		c.size -= cost(object.(plumbing.EncodedObject))
	})
	return c
}

// cost is what an object is charged for.
func cost(object plumbing.EncodedObject) int64 { return object.Size() + objectOverhead }

// view returns one mirror's part of the cache.
func (c *objectCache) view() *cacheView {
	v := &cacheView{cache: c}
	v.Clear()
	return v
}

// cacheView is the part of an objectCache that belongs to one mirror. It has
// the shape that go-git expects of an object cache.
type cacheView struct {
	cache *objectCache
	owner atomic.Uint64
}

// Put keeps an object, unless it is so large that it would push out most others.
func (v *cacheView) Put(object plumbing.EncodedObject) {
	c, size := v.cache, cost(object)
	if size > c.max/4 {
		return
	}
	key := cacheKey{v.owner.Load(), object.Hash()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items.Get(key); ok {
		return
	}
	c.items.Add(key, object)
	for c.size += size; c.size > c.max; {
		c.items.RemoveOldest()
	}
}

// Get returns an object that was kept.
func (v *cacheView) Get(hash plumbing.Hash) (plumbing.EncodedObject, bool) {
	object, ok := v.cache.items.Get(cacheKey{v.owner.Load(), hash})
	if !ok {
		return nil, false
	}
	return object.(plumbing.EncodedObject), true
}

// Clear forgets this mirror's objects: they are never given out again and
// leave memory as the oldest ones do.
func (v *cacheView) Clear() { v.owner.Store(v.cache.owners.Add(1)) }
