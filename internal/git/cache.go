package git

import (
	"container/list"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// objectOverhead approximates what an object costs beside its content.
const objectOverhead = 256

// objectCache keeps recently read objects of all mirrors, bounded in bytes.
// Entries belong to their mirror, so that one repository never answers from
// another's objects. It is safe for concurrent use.
type objectCache struct {
	mu    sync.Mutex
	max   int64
	size  int64
	owner uint64
	order *list.List // front: most recently used
	items map[cacheKey]*list.Element
}

type cacheKey struct {
	owner uint64
	hash  plumbing.Hash
}

type cacheItem struct {
	key    cacheKey
	object plumbing.EncodedObject
	size   int64
}

func newObjectCache(max int64) *objectCache {
	return &objectCache{max: max, order: list.New(), items: make(map[cacheKey]*list.Element)}
}

// view returns one mirror's part of the cache.
func (c *objectCache) view() *cacheView {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owner++
	return &cacheView{cache: c, owner: c.owner}
}

// cacheView is the part of an objectCache that belongs to one mirror. It has
// the shape that go-git expects of an object cache.
type cacheView struct {
	cache *objectCache
	owner uint64
}

// Put keeps an object, unless it is so large that it would push out most others.
func (v *cacheView) Put(object plumbing.EncodedObject) {
	c, size := v.cache, object.Size()+objectOverhead
	if size > c.max/4 {
		return
	}
	key := cacheKey{v.owner, object.Hash()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.items[key]; ok {
		c.order.MoveToFront(old)
		return
	}
	c.items[key] = c.order.PushFront(&cacheItem{key, object, size})
	c.size += size
	for c.size > c.max {
		c.drop(c.order.Back())
	}
}

// Get returns an object that was kept.
func (v *cacheView) Get(hash plumbing.Hash) (plumbing.EncodedObject, bool) {
	c := v.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[cacheKey{v.owner, hash}]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cacheItem).object, true
}

// Clear forgets this mirror's objects.
func (v *cacheView) Clear() {
	c := v.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, e := range c.items {
		if key.owner == v.owner {
			c.drop(e)
		}
	}
}

// drop removes one entry; c.mu is held.
func (c *objectCache) drop(e *list.Element) {
	item := e.Value.(*cacheItem)
	c.order.Remove(e)
	delete(c.items, item.key)
	c.size -= item.size
}
