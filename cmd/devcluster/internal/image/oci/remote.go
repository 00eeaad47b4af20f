package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Push sends an image to ref (REGISTRY/REPOSITORY:TAG) and returns its digest.
// Blobs that the registry has are not sent; when ref already is this image
// nothing is, and sent is false. Insecure allows plain HTTP.
func Push(ctx context.Context, image v1.Image, ref string, insecure bool) (digest v1.Hash, sent bool, err error) {
	target, err := parse(ref, insecure)
	if err != nil {
		return v1.Hash{}, false, err
	}
	digest, err = image.Digest()
	if err != nil {
		return v1.Hash{}, false, fmt.Errorf("compute digest of %s: %w", ref, err)
	}
	settings := options(ctx, insecure)
	present, err := remote.Head(target, settings...)
	if err == nil && present.Digest == digest {
		return digest, false, nil
	}
	if err != nil && !missing(err) {
		return v1.Hash{}, false, fmt.Errorf("look up %s: %w", ref, err)
	}
	if err := remote.Write(target, image, settings...); err != nil {
		return v1.Hash{}, false, fmt.Errorf("push %s: %w", ref, err)
	}
	return digest, true, nil
}

// Pull describes the image at ref for this machine's architecture; layers are
// fetched when they are read.
func Pull(ctx context.Context, ref string, insecure bool) (v1.Image, error) {
	source, err := parse(ref, insecure)
	if err != nil {
		return nil, err
	}
	platform := remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH})
	image, err := remote.Image(source, append(options(ctx, insecure), platform)...)
	if err != nil {
		return nil, fmt.Errorf("pull %s: %w", ref, err)
	}
	return image, nil
}

func parse(ref string, insecure bool) (name.Reference, error) {
	var settings []name.Option
	if insecure {
		settings = append(settings, name.Insecure)
	}
	parsed, err := name.ParseReference(ref, settings...)
	if err != nil {
		return nil, fmt.Errorf("read image reference %q: %w; write REGISTRY/REPOSITORY:TAG", ref, err)
	}
	return parsed, nil
}

// options are those of every call. A plain registry is on this machine, where
// no proxy reaches.
func options(ctx context.Context, insecure bool) []remote.Option {
	settings := []remote.Option{
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithUserAgent("slipway-devcluster"),
	}
	if !insecure {
		return settings
	}
	direct := &http.Transport{
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       30 * time.Second,
		ResponseHeaderTimeout: 5 * time.Minute, // a registry hashes a layer before it answers
	}
	return append(settings, remote.WithTransport(direct))
}

// missing tells the answer "there is no such image" from all others.
func missing(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
