package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Mirrors keeps bare mirrors of remote repositories under one directory, one
// per key. All methods are safe for concurrent use; fetches of the same key
// wait for each other, reads don't wait for fetches. The directory belongs to
// one Mirrors at a time.
type Mirrors struct {
	dir    string
	limits Limits
	client *client
	cache  *objectCache

	mu      sync.Mutex
	mirrors map[string]*mirror // by directory name; nil until the directory was read
}

// NewMirrors keeps mirrors in dir, which is made when it is needed.
func NewMirrors(dir string, limits Limits) *Mirrors {
	limits = limits.withDefaults()
	return &Mirrors{
		dir:    dir,
		limits: limits,
		client: newClient(dir, limits),
		cache:  newObjectCache(limits.CacheBytes),
	}
}

// Close closes files and idle connections. Mirrors stay on disk.
func (m *Mirrors) Close() {
	m.mu.Lock()
	all := m.mirrors
	m.mirrors = nil
	m.mu.Unlock()
	for _, one := range all {
		one.unload()
	}
	m.client.close()
}

// Heads lists the remote's refs without fetching anything.
func (m *Mirrors) Heads(ctx context.Context, r Remote) (Heads, error) {
	ctx, cancel := context.WithTimeout(ctx, m.limits.FetchTime)
	defer cancel()
	where, s, err := m.client.open(r)
	if err != nil {
		return Heads{}, err
	}
	defer s.close()
	l, err := m.list(ctx, s, r)
	if err != nil {
		return Heads{}, remoteFault(ctx, where, err)
	}
	return l.heads(), nil
}

// Fetch brings the newest commit of every ref of r into the mirror of key and
// returns the refs. A mirror of another URL is replaced. When no ref changed
// nothing but the list of refs is asked for.
func (m *Mirrors) Fetch(ctx context.Context, key string, r Remote) (Heads, error) {
	l, err := m.fetch(ctx, key, r, plumbing.ZeroHash)
	if err != nil {
		return Heads{}, err
	}
	return l.heads(), nil
}

// Ensure makes a commit readable. It asks the remote only when the commit is
// missing, and takes it only when a ref of r leads to it: forges answer for
// commits of foreign forks too.
func (m *Mirrors) Ensure(ctx context.Context, key string, r Remote, commit string) error {
	h, err := parseID(commit)
	if err != nil {
		return err
	}
	where, err := parseEndpoint(r)
	if err != nil {
		return err
	}
	one, err := m.mirror(key)
	if err != nil {
		return err
	}
	if one.holds(where.String(), h) {
		return nil
	}
	_, err = m.fetch(ctx, key, r, h)
	return err
}

// Tree opens the tree of a commit that Fetch or Ensure brought.
func (m *Mirrors) Tree(ctx context.Context, key, commit string) (*Tree, error) {
	c, one, err := m.read(ctx, key, commit)
	if err != nil {
		return nil, err
	}
	of := commitObjects{mirror: one, commit: plumbing.NewHash(c.Hash)}
	return newTree(of, plumbing.NewHash(c.Tree), m.limits.Tree), nil
}

// Commit reads a commit that Fetch or Ensure brought.
func (m *Mirrors) Commit(ctx context.Context, key, commit string) (Commit, error) {
	c, _, err := m.read(ctx, key, commit)
	return c, err
}

// Remove deletes the mirror of a key.
func (m *Mirrors) Remove(ctx context.Context, key string) error {
	one, err := m.mirror(key)
	if err != nil {
		return err
	}
	if err := one.lock(ctx); err != nil {
		return err
	}
	defer one.unlock()
	return one.remove()
}

func (m *Mirrors) read(ctx context.Context, key, commit string) (Commit, *mirror, error) {
	if err := ctx.Err(); err != nil {
		return Commit{}, nil, fmt.Errorf("read commit: %w", err)
	}
	h, err := parseID(commit)
	if err != nil {
		return Commit{}, nil, err
	}
	one, err := m.mirror(key)
	if err != nil {
		return Commit{}, nil, err
	}
	kind, data, err := one.object(h)
	if err != nil {
		return Commit{}, nil, err
	}
	c, err := decodeCommit(h, kind, data)
	if err != nil {
		return Commit{}, nil, fault.Wrap(fault.Invalid, err, "%s is not a commit that can be read; name another", commit)
	}
	return newCommit(c), one, nil
}

// fetch syncs a mirror and, when a commit is named, digs for it.
func (m *Mirrors) fetch(ctx context.Context, key string, r Remote, commit plumbing.Hash) (*listing, error) {
	ctx, cancel := context.WithTimeout(ctx, m.limits.FetchTime)
	defer cancel()
	where, s, err := m.client.open(r)
	if err != nil {
		return nil, err
	}
	defer s.close()
	one, err := m.mirror(key)
	if err != nil {
		return nil, err
	}
	if err := one.lock(ctx); err != nil {
		return nil, remoteFault(ctx, where, err)
	}
	defer one.unlock()
	l, err := m.list(ctx, s, r)
	if err == nil {
		err = one.sync(ctx, s, l, where.String())
	}
	if err == nil && !commit.IsZero() {
		err = one.dig(ctx, s, l, commit)
	}
	if err != nil {
		return nil, remoteFault(ctx, where, err)
	}
	return l, m.tidy(ctx, one)
}

func (m *Mirrors) list(ctx context.Context, s session, r Remote) (*listing, error) {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make mirror directory: %w", err)
	}
	return list(ctx, s, r, m.limits.Refs)
}

// parseID accepts a full object id only.
func parseID(id string) (plumbing.Hash, error) {
	if !plumbing.IsHash(id) || len(id) != 40 {
		return plumbing.ZeroHash, fault.New(fault.Invalid, "%.60q is not a commit id; give all 40 hexadecimal digits", id)
	}
	return plumbing.NewHash(id), nil
}

// mirror returns the mirror of a key, reading the directory the first time.
func (m *Mirrors) mirror(key string) (*mirror, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.scan(); err != nil {
		return nil, fmt.Errorf("list mirrors: %w", err)
	}
	name := directoryName(key)
	one, ok := m.mirrors[name]
	if !ok {
		one = newMirror(filepath.Join(m.dir, name), m.limits, m.cache)
		m.mirrors[name] = one
	}
	one.touch(time.Now())
	return one, nil
}

// scan finds the mirrors of earlier runs and removes half-made ones. m.mu is
// held.
func (m *Mirrors) scan() error {
	if m.mirrors != nil {
		return nil
	}
	entries, err := os.ReadDir(m.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	found := make(map[string]*mirror)
	for _, e := range entries {
		path := filepath.Join(m.dir, e.Name())
		if !directoryPattern.MatchString(e.Name()) {
			if leftoverPattern.MatchString(e.Name()) {
				_ = os.RemoveAll(path)
			}
			continue
		}
		one := newMirror(path, m.limits, m.cache)
		one.bytes = directoryBytes(path)
		if info, err := e.Info(); err == nil {
			one.used = info.ModTime()
		}
		found[e.Name()] = one
	}
	m.mirrors = found
	return nil
}
