package packindex

import (
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/slipway-dev/slipway/internal/git"
)

// frame is an object that deltas are being applied to.
type frame struct {
	content content
	kind    plumbing.ObjectType
	deltas  []int32 // that build on it and were not looked at yet
}

// resolveAll applies every delta, each once: from each whole object upwards, depth
// first, so that only what lies below the delta at hand is kept.
func (b *builder) resolveAll() error {
	for i, base := range b.bases {
		if base != whole {
			continue
		}
		if deltas := b.deltasOf(int32(i)); len(deltas) > 0 {
			if err := b.resolve(i, deltas); err != nil {
				return err
			}
		}
	}
	for i, known := range b.known {
		if !known {
			return fmt.Errorf("object %d of the pack builds on what is not in it: %w", i+1, git.ErrDamaged)
		}
	}
	return nil
}

// resolve applies the deltas that build on a whole object, and those that build on them.
func (b *builder) resolve(base int, deltas []int32) error {
	bottom, err := b.load(base)
	if err != nil {
		return fmt.Errorf("read object %d of the pack: %w", base+1, err)
	}
	bottom.deltas = deltas
	for stack := []frame{bottom}; len(stack) > 0; {
		top := &stack[len(stack)-1]
		if len(top.deltas) == 0 {
			b.contents.pop(top.content)
			stack = stack[:len(stack)-1]
			continue
		}
		delta := top.deltas[0]
		top.deltas = top.deltas[1:]
		if b.known[delta] {
			continue // it named its base by an id that several objects have
		}
		next, err := b.apply(*top, delta)
		if err != nil {
			return fmt.Errorf("read object %d of the pack: %w", delta+1, err)
		}
		if stack = append(stack, next); len(stack) > MaxDepth {
			return fmt.Errorf("the pack has more than %d deltas that build on each other: %w", MaxDepth, git.ErrTooLarge)
		}
	}
	return nil
}

// load reads a whole object.
func (b *builder) load(i int) (frame, error) {
	header, err := b.scanner.SeekObjectHeader(int64(b.entries[i].Offset)) //nolint:gosec // places are not negative
	if err != nil {
		return frame{}, err
	}
	made, err := b.contents.push(header.Length)
	if err != nil {
		return frame{}, err
	}
	if _, _, err := b.scanner.NextObject(made); err != nil {
		return frame{}, err
	}
	loaded, err := made.finish()
	return frame{content: loaded, kind: header.Type}, err
}

// apply makes the object that a delta describes, and records its id.
func (b *builder) apply(base frame, delta int32) (frame, error) {
	if _, err := b.scanner.SeekObjectHeader(int64(b.entries[delta].Offset)); err != nil { //nolint:gosec // as above
		return frame{}, err
	}
	target := &patch{base: base.content, kind: base.kind, contents: &b.contents}
	if _, _, err := b.scanner.NextObject(target); err != nil {
		return frame{}, err
	}
	made, id, err := target.finish()
	if err != nil {
		return frame{}, err
	}
	b.entries[delta].Hash, b.known[delta] = id, true
	return frame{content: made, kind: base.kind, deltas: b.deltasOf(delta)}, nil
}
