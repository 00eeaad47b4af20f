package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/wire"
)

// Store keeps bare mirrors of remote repositories under one directory, one
// per key. All methods are safe for concurrent use; fetches of the same key
// wait for each other, reads don't wait for fetches. The directory belongs to
// one Store at a time.
type Store struct {
	dir    string
	limits git.Limits
	client *wire.Client
	cache  *objectCache

	mu      sync.Mutex
	mirrors map[string]*mirror // by directory name; nil until the directory was read
}

// NewStore keeps mirrors in dir, which is made when it is needed. The dialer
// connects to the remotes.
func NewStore(dir string, limits git.Limits, dialer *dial.Dialer) *Store {
	limits = limits.WithDefaults()
	return &Store{
		dir:    dir,
		limits: limits,
		client: wire.NewClient(dir, limits, dialer),
		cache:  newObjectCache(limits.CacheBytes),
	}
}

// Close closes files and idle connections. Mirrors stay on disk.
func (s *Store) Close() {
	s.mu.Lock()
	all := s.mirrors
	s.mirrors = nil
	s.mu.Unlock()
	for _, one := range all {
		one.unload()
	}
	s.client.Close()
}

// Heads lists the remote's refs without fetching anything.
func (s *Store) Heads(ctx context.Context, r git.Remote) (git.Heads, error) {
	ctx, cancel := context.WithTimeout(ctx, s.limits.FetchTime)
	defer cancel()
	where, session, err := s.client.Open(r)
	if err != nil {
		return git.Heads{}, err
	}
	defer session.Close()
	l, err := s.list(ctx, session, r)
	if err != nil {
		return git.Heads{}, wire.Fault(ctx, where, err)
	}
	return l.Heads(), nil
}

// Fetch brings the newest commit of every ref of r into the mirror of key and
// returns the refs. A mirror of another URL is replaced. When no ref changed
// nothing but the list of refs is asked for.
func (s *Store) Fetch(ctx context.Context, key string, r git.Remote) (git.Heads, error) {
	l, err := s.fetch(ctx, key, r, plumbing.ZeroHash)
	if err != nil {
		return git.Heads{}, err
	}
	return l.Heads(), nil
}

// Ensure makes a commit readable. It asks the remote only when the commit is
// missing, and takes it only when a ref of r leads to it: forges answer for
// commits of foreign forks too.
func (s *Store) Ensure(ctx context.Context, key string, r git.Remote, commit string) error {
	h, err := parseID(commit)
	if err != nil {
		return err
	}
	where, err := wire.ParseEndpoint(r)
	if err != nil {
		return err
	}
	one, err := s.mirror(key)
	if err != nil {
		return err
	}
	if one.holds(where.String(), h) {
		return nil
	}
	_, err = s.fetch(ctx, key, r, h)
	return err
}

// Tree opens the tree of a commit that Fetch or Ensure brought.
func (s *Store) Tree(ctx context.Context, key, commit string) (*git.Tree, error) {
	c, one, err := s.read(ctx, key, commit)
	if err != nil {
		return nil, err
	}
	of := commitObjects{mirror: one, commit: plumbing.NewHash(c.Hash)}
	return git.NewTree(of, plumbing.NewHash(c.Tree), s.limits.Tree), nil
}

// Commit reads a commit that Fetch or Ensure brought.
func (s *Store) Commit(ctx context.Context, key, commit string) (git.Commit, error) {
	c, _, err := s.read(ctx, key, commit)
	return c, err
}

// Remove deletes the mirror of a key.
func (s *Store) Remove(ctx context.Context, key string) error {
	one, err := s.mirror(key)
	if err != nil {
		return err
	}
	if err := one.lock(ctx); err != nil {
		return err
	}
	defer one.unlock()
	return one.remove()
}

func (s *Store) read(ctx context.Context, key, commit string) (git.Commit, *mirror, error) {
	if err := ctx.Err(); err != nil {
		return git.Commit{}, nil, fmt.Errorf("read commit: %w", err)
	}
	h, err := parseID(commit)
	if err != nil {
		return git.Commit{}, nil, err
	}
	one, err := s.mirror(key)
	if err != nil {
		return git.Commit{}, nil, err
	}
	kind, data, err := one.object(h)
	if err != nil {
		return git.Commit{}, nil, err
	}
	c, err := git.DecodeCommit(h, kind, data)
	if err != nil {
		return git.Commit{}, nil, fault.Wrap(fault.Invalid, err, "%s is not a commit that can be read; use another", commit)
	}
	return git.NewCommit(c), one, nil
}

// fetch syncs a mirror and, when a commit is named, digs for it.
func (s *Store) fetch(ctx context.Context, key string, r git.Remote, commit plumbing.Hash) (*wire.Listing, error) {
	ctx, cancel := context.WithTimeout(ctx, s.limits.FetchTime)
	defer cancel()
	where, session, err := s.client.Open(r)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	one, err := s.mirror(key)
	if err != nil {
		return nil, err
	}
	if err := one.lock(ctx); err != nil {
		return nil, wire.Fault(ctx, where, err)
	}
	defer one.unlock()
	l, err := s.list(ctx, session, r)
	if err == nil {
		err = one.sync(ctx, session, l, where.String())
	}
	if err == nil && !commit.IsZero() {
		err = one.findCommit(ctx, session, l, commit)
	}
	if err != nil {
		return nil, wire.Fault(ctx, where, err)
	}
	return l, s.tidy(ctx, one)
}

func (s *Store) list(ctx context.Context, session wire.Session, r git.Remote) (*wire.Listing, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make mirror directory: %w", err)
	}
	return wire.List(ctx, session, r, s.limits.Refs)
}

// parseID accepts a full object id only.
func parseID(id string) (plumbing.Hash, error) {
	if !plumbing.IsHash(id) || len(id) != 40 {
		return plumbing.ZeroHash, fault.New(fault.Invalid, "%.60q is not a commit id; give all 40 hexadecimal digits", id)
	}
	return plumbing.NewHash(id), nil
}

// mirror returns the mirror of a key, reading the directory the first time.
func (s *Store) mirror(key string) (*mirror, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.scan(); err != nil {
		return nil, fmt.Errorf("list mirrors: %w", err)
	}
	name := directoryName(key)
	one, ok := s.mirrors[name]
	if !ok {
		one = newMirror(filepath.Join(s.dir, name), s.limits, s.cache)
		s.mirrors[name] = one
	}
	one.recordUse(time.Now())
	return one, nil
}

// scan finds the mirrors of earlier runs and removes half-made ones. s.mu is
// held.
func (s *Store) scan() error {
	if s.mirrors != nil {
		return nil
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	found := make(map[string]*mirror)
	for _, e := range entries {
		path := filepath.Join(s.dir, e.Name())
		if !directoryPattern.MatchString(e.Name()) {
			if leftoverPattern.MatchString(e.Name()) {
				_ = os.RemoveAll(path)
			}
			continue
		}
		one := newMirror(path, s.limits, s.cache)
		one.bytes = directoryBytes(path)
		if info, err := e.Info(); err == nil {
			one.used = info.ModTime()
		}
		found[e.Name()] = one
	}
	s.mirrors = found
	return nil
}
