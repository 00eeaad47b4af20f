package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
)

var (
	directoryPattern = regexp.MustCompile(`^[0-9a-f]{40}$`)
	leftoverPattern  = regexp.MustCompile(`^([0-9a-f]{40}\.(new|old)|known_hosts-[0-9]+)$`)
)

// directoryName gives every key a directory of its own, whatever is in it.
func directoryName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:20])
}

// mirror is one key's repository, open or not.
type mirror struct {
	dir    string
	limits git.Limits
	cache  *objectCache
	busy   chan struct{} // holds one token while somebody fetches or removes

	mu      sync.Mutex
	open    *repository // nil: not open
	damaged bool        // a read failed: clone again
	used    time.Time
	bytes   int64 // on disk, as last seen
}

func newMirror(dir string, limits git.Limits, objects *objectCache) *mirror {
	return &mirror{dir: dir, limits: limits, cache: objects, busy: make(chan struct{}, 1)}
}

// lock waits until nobody else fetches.
func (m *mirror) lock(ctx context.Context) error {
	select {
	case m.busy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for another fetch: %w", ctx.Err())
	}
}

// tryLock is lock without waiting.
func (m *mirror) tryLock() bool {
	select {
	case m.busy <- struct{}{}:
		return true
	default:
		return false
	}
}

func (m *mirror) unlock() { <-m.busy }

// recordUse records when the mirror was used.
func (m *mirror) recordUse(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used = now
}

// current opens the repository when it is not open. It returns nil when there
// is none that can be used.
func (m *mirror) current() *repository {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.currentLocked()
}

func (m *mirror) currentLocked() *repository {
	if m.open != nil || m.damaged {
		return m.open
	}
	r, err := openRepository(m.dir, m.limits.ObjectBytes, m.cache.view())
	if err != nil {
		m.damaged = !errors.Is(err, fs.ErrNotExist) || exists(m.dir)
		return nil
	}
	m.open = r
	return r
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// holds says whether a commit of this origin can be read here.
func (m *mirror) holds(origin string, h plumbing.Hash) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.currentLocked()
	return r != nil && !m.damaged && r.state.Origin == origin && r.packs.has(h)
}

// object reads one object for a Tree or a Commit. A damaged object makes the
// next fetch clone the mirror again.
func (m *mirror) object(h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.currentLocked()
	if r == nil {
		return plumbing.InvalidObject, nil, fault.New(fault.Unavailable, "the mirror of the repository can't be used; the next fetch clones it")
	}
	kind, data, err := r.packs.object(h)
	switch {
	case errors.Is(err, git.ErrDamaged):
		m.damaged = true
		return kind, nil, fault.Wrap(fault.Unavailable, err, "the mirror of the repository is damaged; the next fetch clones it again")
	case errors.Is(err, errMissing):
		return kind, nil, fault.Wrap(fault.Unavailable, err, "object %s is not in the mirror of the repository; it is fetched when its commit is needed again", h)
	case errors.Is(err, git.ErrTooLarge):
		return kind, nil, fault.Wrap(fault.Invalid, err, "an object of the repository is larger than the limit of %d bytes; remove it or raise the limit", m.limits.ObjectBytes)
	}
	return kind, data, err
}

// commitObjects reads the objects of one commit's tree.
type commitObjects struct {
	mirror *mirror
	commit plumbing.Hash
}

// Object reads one object. A commit that is here without one of its objects
// means a damaged mirror; without its commit, the mirror was cloned again.
func (c commitObjects) Object(h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	kind, data, err := c.mirror.object(h)
	if errors.Is(err, errMissing) {
		c.mirror.recordMissing(c.commit)
	}
	return kind, data, err
}

// recordMissing marks the mirror as damaged when it has the commit of a missing
// object.
func (m *mirror) recordMissing(commit plumbing.Hash) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open != nil && m.open.packs.has(commit) {
		m.damaged = true
	}
}

// unload closes the repository; it opens again when it is needed.
func (m *mirror) unload() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closeLocked()
}

func (m *mirror) closeLocked() {
	if m.open == nil {
		return
	}
	m.open.packs.close()
	m.open.packs.cache.Clear()
	m.open = nil
}

// remove deletes the repository. The mirror is locked.
func (m *mirror) remove() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closeLocked()
	m.damaged, m.bytes = false, 0
	if err := os.RemoveAll(m.dir); err != nil {
		return fmt.Errorf("remove mirror: %w", err)
	}
	return nil
}
