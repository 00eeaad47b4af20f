package assemble

import (
	"context"
	"errors"
	"sync"

	"k8s.io/utils/lru"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fault"
)

const (
	// maxBases bounds the base images that are remembered.
	maxBases = 16
	// maxIndexBytes bounds the index of one that is remembered.
	maxIndexBytes = 4 << 20
)

// base is a base image with what is known of its files.
type base struct {
	image *build.Pulled
	index *index
	err   error // why its files are not known
}

// bases remembers base images by reference and digest. The files of one at a time are
// looked at.
type bases struct {
	known *lru.Cache // base
	one   chan struct{}
}

func newBases() *bases { return &bases{known: lru.New(maxBases), one: make(chan struct{}, 1)} }

// open returns a base image. One whose files can't be looked at is an obstacle.
func (b *bases) open(ctx context.Context, registry Registry, ref, digest string) (*base, error) {
	key := ref + "@" + digest
	select {
	case b.one <- struct{}{}:
		defer func() { <-b.one }()
	case <-ctx.Done():
		return nil, busy(ctx.Err())
	}
	found, is := b.known.Get(key)
	if !is {
		made, err := read(ctx, registry, ref, digest)
		if err != nil {
			return nil, err
		}
		if made.err != nil || made.index.size <= maxIndexBytes {
			b.known.Add(key, made)
		}
		found = made
	}
	if made := found.(*base); made.err == nil {
		return made, nil
	}
	return nil, obstacle(0, "the files of its base image can't be looked at: %v", found.(*base).err)
}

// read reads a base image and all of its layers.
func read(ctx context.Context, registry Registry, ref, digest string) (*base, error) {
	image, err := registry.Pull(ctx, ref, digest)
	if err != nil {
		return nil, err
	}
	layers, err := registry.Layers(ctx, image)
	if err != nil {
		return nil, err
	}
	made := &base{image: image}
	made.index, err = readIndex(layers)
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errStrange):
		made.err = err
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, err, "the layers of base image %s could not be read; it is tried again", ref)
	}
	return made, nil
}

// turns lets those who want the same wait for each other.
type turns struct {
	mu      sync.Mutex
	waiting map[string]*turn
}

type turn struct {
	free  chan struct{}
	users int
}

// take waits for a turn, which ends with end. Waited is true when somebody else had it.
func (t *turns) take(ctx context.Context, key string) (end func(), waited bool, err error) {
	t.mu.Lock()
	if t.waiting == nil {
		t.waiting = map[string]*turn{}
	}
	mine := t.waiting[key]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		t.waiting[key] = mine
	}
	mine.users++
	waited = mine.users > 1
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.waiting, key)
		}
	}
	select {
	case mine.free <- struct{}{}:
		return func() { <-mine.free; leave() }, waited, nil
	case <-ctx.Done():
		leave()
		return nil, waited, ctx.Err()
	}
}
