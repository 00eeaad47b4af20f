package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/wire"
)

const (
	newSuffix = ".new" // a clone that is not complete
	oldSuffix = ".old" // a mirror that was replaced
)

// sync makes the mirror hold what the listing names. The mirror is locked.
func (m *mirror) sync(ctx context.Context, s wire.Session, l *wire.Listing, origin string) error {
	r := m.current()
	if r == nil || m.isDamaged() || r.state.Origin != origin || m.overgrown(r) {
		return m.clone(ctx, s, l, origin)
	}
	err := r.update(ctx, s, l, m.limits)
	if errors.Is(err, git.ErrDamaged) || errors.Is(err, errNoShallow) {
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
func (m *mirror) clone(ctx context.Context, s wire.Session, l *wire.Listing, origin string) error {
	fresh := m.dir + newSuffix
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("clear %s: %w", filepath.Base(fresh), err)
	}
	r, err := newRepository(fresh, state{Origin: origin}, m.limits.ObjectBytes, m.cache.view())
	if err == nil {
		err = r.clone(ctx, s, l, m.limits)
	}
	if err == nil && r.packs.size() > m.limits.MirrorBytes {
		err = git.ErrTooLarge
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
		return fmt.Errorf("open the new mirror: %w", git.ErrDamaged)
	}
	return nil
}

// findCommit fetches a commit that is not at the tip of a ref.
func (m *mirror) findCommit(ctx context.Context, s wire.Session, l *wire.Listing, h plumbing.Hash) error {
	r := m.current()
	if r == nil {
		return git.ErrDamaged
	}
	if r.packs.has(h) {
		return nil
	}
	if err := r.deepen(ctx, s, l, h, m.limits); err != nil {
		return err
	}
	if !r.packs.has(h) {
		return fault.New(fault.NotFound, "commit %s is no longer in any branch or tag of %s; push it again or use another commit", h, r.state.Origin)
	}
	return nil
}
