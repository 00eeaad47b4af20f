package servertest

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Image puts an image into the registry and returns its reference with the
// tag.
func (e *Environment) Image(ctx context.Context, repository, tag string) (string, error) {
	ref, err := name.NewTag(e.Registry+"/"+repository+":"+tag, name.Insecure)
	if err != nil {
		return "", fmt.Errorf("image %s:%s: %w", repository, tag, err)
	}
	image, err := random.Image(64, 1)
	if err != nil {
		return "", fmt.Errorf("make image %s: %w", ref, err)
	}
	if err := remote.Write(ref, image, remote.WithContext(ctx)); err != nil {
		return "", fmt.Errorf("put image %s: %w", ref, err)
	}
	return ref.String(), nil
}
