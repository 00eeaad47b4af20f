package mirror

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
)

// maxDescent is how many commits are looked at for an ancestor.
const maxDescent = 50_000

// Descends says whether commit has ancestor in its history, or is it. Mirrors
// hold the history since the first fetch only: when that is too short to decide,
// the error's code is not_found.
func (s *Store) Descends(ctx context.Context, key, commit, ancestor string) (bool, error) {
	from, err := parseID(commit)
	if err != nil {
		return false, err
	}
	to, err := parseID(ancestor)
	if err != nil {
		return false, err
	}
	one, err := s.mirror(key)
	if err != nil {
		return false, err
	}
	return one.descends(ctx, from, to)
}

func (m *mirror) descends(ctx context.Context, from, to plumbing.Hash) (bool, error) {
	seen := map[plumbing.Hash]bool{from: true}
	queue := []plumbing.Hash{from}
	short := false
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if at == to {
			return true, nil
		}
		if err := ctx.Err(); err != nil {
			return false, fmt.Errorf("search the history of %s: %w", from, err)
		}
		parents, err := m.parents(at)
		if errors.Is(err, errMissing) && at != from {
			short = true
			continue
		}
		if err != nil {
			return false, err
		}
		for _, p := range parents {
			if !seen[p] {
				seen[p] = true
				queue = append(queue, p)
			}
		}
		if len(seen) > maxDescent {
			short = true
			break
		}
	}
	if short {
		return false, fault.New(fault.NotFound, "the stored history of %s is too short to decide whether it contains %s", from, to)
	}
	return false, nil
}

func (m *mirror) parents(h plumbing.Hash) ([]plumbing.Hash, error) {
	kind, data, err := m.object(h)
	if err != nil {
		return nil, err
	}
	c, err := git.DecodeCommit(h, kind, data)
	if err != nil {
		return nil, err
	}
	return c.ParentHashes, nil
}
