package git

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/slipway-dev/slipway/internal/fault"
)

const (
	newSuffix = ".new" // a clone that is not complete
	oldSuffix = ".old" // a mirror that was replaced
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
	limits Limits
	cache  *objectCache
	busy   chan struct{} // holds one token while somebody fetches or removes

	mu      sync.Mutex
	open    *repository // nil: not open
	damaged bool        // a read failed: clone again
	used    time.Time
	bytes   int64 // on disk, as last seen
}

func newMirror(dir string, limits Limits, objects *objectCache) *mirror {
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

// touch notes that the mirror is in use.
func (m *mirror) touch(now time.Time) {
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
		return plumbing.InvalidObject, nil, fault.New(fault.Unavailable, "the repository has no usable copy here; it is cloned at the next fetch")
	}
	kind, data, err := r.packs.object(h)
	switch {
	case errors.Is(err, errDamaged):
		m.damaged = true
		return kind, nil, fault.Wrap(fault.Unavailable, err, "the repository's copy is damaged; it is cloned again at the next fetch")
	case errors.Is(err, errMissing):
		return kind, nil, fault.Wrap(fault.Unavailable, err, "object %s is not in the repository's copy; it is fetched again the next time its commit is asked for", h)
	case errors.Is(err, errTooLarge):
		return kind, nil, fault.Wrap(fault.Invalid, err, "an object of the repository is larger than the limit of %d bytes; remove it or raise the limit", m.limits.ObjectBytes)
	}
	return kind, data, err
}

// commitObjects reads the objects of one commit's tree.
type commitObjects struct {
	mirror *mirror
	commit plumbing.Hash
}

// object reads one object. A commit that is here without one of its objects
// means a damaged mirror; without its commit, the mirror was cloned again.
func (c commitObjects) object(h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	kind, data, err := c.mirror.object(h)
	if errors.Is(err, errMissing) {
		c.mirror.suspect(c.commit)
	}
	return kind, data, err
}

// suspect notes that an object of a commit is missing.
func (m *mirror) suspect(commit plumbing.Hash) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open != nil && m.open.packs.has(commit) {
		m.damaged = true
	}
}

// sync makes the mirror hold what the listing names. The mirror is locked.
func (m *mirror) sync(ctx context.Context, s session, l *listing, origin string) error {
	r := m.current()
	if r == nil || m.isDamaged() || r.state.Origin != origin || m.overgrown(r) {
		return m.clone(ctx, s, l, origin)
	}
	err := r.update(ctx, s, l, m.limits)
	if errors.Is(err, errDamaged) || errors.Is(err, errNoShallow) {
		return m.clone(ctx, s, l, origin)
	}
	return err
}

func (m *mirror) isDamaged() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.damaged
}

// overgrown says that a mirror has collected so much history that a fresh
// clone of the newest commits is the cheaper thing to keep.
func (m *mirror) overgrown(r *repository) bool {
	size := r.packs.size()
	grown := 4*r.state.Cloned + m.limits.IncrementalBytes*8
	return size > m.limits.MirrorBytes || (len(r.shallows) > 0 && size > grown)
}

// clone makes the repository anew beside the old one, then puts it in its
// place. The old one stays readable until then.
func (m *mirror) clone(ctx context.Context, s session, l *listing, origin string) error {
	fresh := m.dir + newSuffix
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("clear %s: %w", filepath.Base(fresh), err)
	}
	r, err := newRepository(fresh, state{Origin: origin}, m.limits.ObjectBytes, m.cache.view())
	if err == nil {
		err = r.clone(ctx, s, l, m.limits)
	}
	if err == nil && r.packs.size() > m.limits.MirrorBytes {
		err = errTooLarge
	}
	if r != nil && r.packs != nil {
		r.packs.close()
	}
	if err != nil {
		_ = os.RemoveAll(fresh)
		return err
	}
	return m.replace(fresh)
}

// replace puts a finished clone in the mirror's place.
func (m *mirror) replace(fresh string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closeLocked()
	old := m.dir + oldSuffix
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("clear %s: %w", filepath.Base(old), err)
	}
	if err := os.Rename(m.dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("move the old mirror away: %w", err)
	}
	if err := os.Rename(fresh, m.dir); err != nil {
		return fmt.Errorf("put the new mirror in place: %w", err)
	}
	_ = os.RemoveAll(old)
	m.damaged = false
	if m.currentLocked() == nil {
		return fmt.Errorf("open the new mirror: %w", errDamaged)
	}
	return nil
}

// dig looks for a commit that is not at the tip of a ref.
func (m *mirror) dig(ctx context.Context, s session, l *listing, h plumbing.Hash) error {
	r := m.current()
	if r == nil {
		return errDamaged
	}
	if r.packs.has(h) {
		return nil
	}
	if err := r.deepen(ctx, s, l, h, m.limits); err != nil {
		return err
	}
	if !r.packs.has(h) {
		return fault.New(fault.NotFound, "commit %s is in no branch or tag of %s any more; push it again or take another commit", h, r.state.Origin)
	}
	return nil
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
