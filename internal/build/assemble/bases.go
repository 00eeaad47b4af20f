package assemble

import (
	"context"
	"errors"
	"time"

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
	one   slots
}

func newBases(wait time.Duration) *bases {
	return &bases{known: lru.New(maxBases), one: newSlots(1, wait)}
}

// open returns a base image. One whose files can't be looked at is an obstacle.
func (b *bases) open(ctx context.Context, registry Registry, ref, digest string) (*base, error) {
	made, err := b.find(ctx, registry, ref, digest)
	if err == nil && made.err != nil {
		return nil, obstacle(0, "the files of its base image can't be looked at: %v", made.err)
	}
	return made, err
}

// find returns a base image that is known, or reads it.
func (b *bases) find(ctx context.Context, registry Registry, ref, digest string) (*base, error) {
	key := ref + "@" + digest
	if known, is := b.known.Get(key); is {
		return known.(*base), nil
	}
	leave, err := b.one.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if known, is := b.known.Get(key); is {
		return known.(*base), nil // somebody else has read it
	}
	made, err := read(ctx, registry, ref, digest)
	if err == nil && (made.err != nil || made.index.size <= maxIndexBytes) {
		b.known.Add(key, made)
	}
	return made, err
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
