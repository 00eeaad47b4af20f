package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/wire"
)

const (
	maxHaves      = 1024       // commits we report as present to a server
	havesPerRef   = 32         // how far back from a ref that moved
	allHistory    = 0x7fffffff // git's word for "no depth limit, forget the boundaries"
	deepenCommits = 128        // first try when a commit is not at a tip
)

// errNoShallow says that our shallow mirror can't be continued with a server
// that doesn't know shallow boundaries.
var errNoShallow = errors.New("the server doesn't know shallow boundaries")

// update brings the commits of a listing that are not here. New history is
// taken as a whole when it is small; otherwise only the newest commit of each
// ref.
func (r *repository) update(ctx context.Context, s wire.Session, l *wire.Listing, limits git.Limits) error {
	wants := r.missing(l)
	if len(wants) == 0 {
		return r.setRefs(l)
	}
	if len(r.shallows) > 0 && !l.SupportsShallow() {
		return errNoShallow
	}
	err := r.fetch(ctx, s, l, fetchPlan{wants, 0, min(limits.IncrementalBytes, limits.FetchBytes)}, limits)
	if errors.Is(err, git.ErrTooLarge) && l.SupportsShallow() {
		err = r.fetch(ctx, s, l, fetchPlan{wants, 1, limits.FetchBytes}, limits)
	}
	if err != nil {
		return err
	}
	if err := r.verify(l, wants); err != nil {
		return err
	}
	return r.setRefs(l)
}

// clone fills an empty repository with the newest commit of every ref.
func (r *repository) clone(ctx context.Context, s wire.Session, l *wire.Listing, limits git.Limits) error {
	wants := r.missing(l)
	if len(wants) == 0 {
		return r.setRefs(l)
	}
	depth := 0
	if l.SupportsShallow() {
		depth = 1
	}
	err := r.fetch(ctx, s, l, fetchPlan{wants, depth, limits.FetchBytes}, limits)
	if depth > 0 && wire.MayRefuseDepth(ctx, err) {
		err = r.fetch(ctx, s, l, fetchPlan{wants, 0, limits.FetchBytes}, limits)
	}
	if err != nil {
		return err
	}
	if err := r.verify(l, wants); err != nil {
		return err
	}
	r.state.Cloned = r.packs.size()
	r.head, r.refs = l.Head, l.Refs
	return r.save()
}

// missing returns the advertised objects whose commits are not here.
func (r *repository) missing(l *wire.Listing) []plumbing.Hash {
	set := make(map[plumbing.Hash]bool)
	for _, t := range l.Refs {
		if !set[t.Object] && !r.packs.has(t.Commit) {
			set[t.Object] = true
		}
	}
	wants := slices.Collect(maps.Keys(set))
	plumbing.HashesSort(wants)
	return wants
}

// fetchPlan is one request for objects.
type fetchPlan struct {
	wants []plumbing.Hash
	depth int   // commits of history; 0: all that is missing
	max   int64 // bytes of the pack
}

// fetch asks for objects and stores what comes.
func (r *repository) fetch(ctx context.Context, s wire.Session, l *wire.Listing, o fetchPlan, limits git.Limits) error {
	in, err := wire.FetchPack(ctx, s, l, wire.Request{Wants: o.wants, Haves: r.haves(l), Shallows: r.shallows, Depth: o.depth, Max: o.max})
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := r.packs.receive(ctx, in, o.max, limits); err != nil {
		return err
	}
	return r.setShallows(in.Shallows, in.Unshallows)
}

// haves lists commits that the server can build upon: every ref's, and some
// history of those that moved, because the server may have forgotten the tip.
func (r *repository) haves(l *wire.Listing) []plumbing.Hash {
	set := make(map[plumbing.Hash]bool)
	for _, name := range slices.Sorted(maps.Keys(r.refs)) {
		old := r.refs[name].Commit
		steps := 1
		if l.Refs[name].Commit != old {
			steps = havesPerRef
		}
		for ; steps > 0 && len(set) < maxHaves && !set[old] && r.packs.has(old); steps-- {
			set[old] = true
			c, err := r.packs.commit(old)
			if err != nil || len(c.ParentHashes) == 0 {
				break
			}
			old = c.ParentHashes[0]
		}
	}
	return slices.Collect(maps.Keys(set))
}

// verify reads the commit and root tree of every ref that was asked for.
func (r *repository) verify(l *wire.Listing, wants []plumbing.Hash) error {
	asked := make(map[plumbing.Hash]bool, len(wants))
	for _, h := range wants {
		asked[h] = true
	}
	for name, t := range l.Refs {
		if !asked[t.Object] {
			continue
		}
		if err := r.complete(t.Commit); err != nil {
			return fmt.Errorf("%s after the fetch: %w", name, err)
		}
	}
	return nil
}

// complete says whether a commit and its root tree can be read. A ref may also
// point at something that is not a commit: then it is enough that it is here.
func (r *repository) complete(h plumbing.Hash) error {
	kind, _, err := r.packs.object(h)
	if err != nil {
		return errors.Join(err, git.ErrDamaged)
	}
	if kind != plumbing.CommitObject {
		return nil
	}
	c, err := r.packs.commit(h)
	if err != nil {
		return errors.Join(err, git.ErrDamaged)
	}
	if _, _, err := r.packs.object(c.TreeHash); err != nil {
		return errors.Join(err, git.ErrDamaged)
	}
	return nil
}

// deepen looks for a commit in the history of the listed refs.
func (r *repository) deepen(ctx context.Context, s wire.Session, l *wire.Listing, h plumbing.Hash, limits git.Limits) error {
	var wants []plumbing.Hash
	for _, t := range l.Refs {
		wants = append(wants, t.Object)
	}
	if len(wants) == 0 || len(r.shallows) == 0 {
		return nil
	}
	for _, depth := range []int{deepenCommits, allHistory} {
		if err := r.fetch(ctx, s, l, fetchPlan{wants, depth, limits.FetchBytes}, limits); err != nil {
			return err
		}
		if r.packs.has(h) {
			return nil
		}
	}
	return nil
}
