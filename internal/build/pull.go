package build

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-dev/slipway/internal/fault"
)

// pushJobs is how many layers are uploaded at once.
const pushJobs = 3

// Pulled is an image without its layers. It is plain data.
type Pulled struct {
	place     name.Digest // where it was found
	Manifest  *v1.Manifest
	Config    *v1.ConfigFile
	RawConfig []byte
}

// Pull returns the image of a digest, or the one of an index that stages run; the
// reference says where it is. Errors are those of Config.
func (r *Registry) Pull(ctx context.Context, ref, digest string) (*Pulled, error) {
	image, err := ParseReference(ref, r.options.Insecure)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s is no image reference; correct it", ref)
	}
	places, failed := r.places(image.Context().Digest(digest))
	for _, place := range places {
		found, err := r.pullAt(ctx, place)
		if err == nil || ctx.Err() != nil || fault.CodeOf(err) == fault.Invalid {
			return found, err
		}
		failed = err
	}
	return nil, registryFault(failed, image.Name())
}

func (r *Registry) pullAt(ctx context.Context, place name.Reference) (*Pulled, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	found, err := remote.Get(place, append(r.options.remote(), remote.WithContext(ctx))...)
	if err != nil {
		return nil, err
	}
	image, err := chooseImage(found)
	if err != nil {
		return nil, noImage(err)
	}
	made := &Pulled{}
	digest, err := image.Digest()
	if err == nil {
		made.Manifest, err = image.Manifest()
	}
	if err == nil {
		made.RawConfig, err = image.RawConfigFile()
	}
	if err == nil {
		made.Config, err = image.ConfigFile()
	}
	if err == nil && len(made.Manifest.Layers) != len(made.Config.RootFS.DiffIDs) {
		err = errors.New("its configuration has another number of layers than its manifest")
	}
	if err != nil {
		return nil, noImage(err)
	}
	made.place = place.Context().Digest(digest.String())
	return made, nil
}

// Layers returns the layers of an image, which are read when they are asked for, until ctx
// ends. Where they are pushed to their own registry they are mounted.
func (r *Registry) Layers(ctx context.Context, image *Pulled) ([]v1.Layer, error) {
	options := r.options.remote()
	if r.options.Layers != nil {
		options = append(options, remote.WithTransport(r.options.Layers))
	}
	options = append(options, remote.WithContext(ctx))
	layers := make([]v1.Layer, len(image.Manifest.Layers))
	for i, descriptor := range image.Manifest.Layers {
		blob, err := remote.Layer(image.place.Context().Digest(descriptor.Digest.String()), options...)
		if err != nil {
			return nil, err
		}
		layer, err := partial.CompressedToLayer(&pulledLayer{descriptor: descriptor, diffID: image.Config.RootFS.DiffIDs[i], blob: blob})
		if err != nil {
			return nil, err
		}
		layers[i] = &remote.MountableLayer{Layer: layer, Reference: image.place}
	}
	return layers, nil
}

// pulledLayer is a layer that the manifest and the configuration of its image describe.
type pulledLayer struct {
	descriptor v1.Descriptor
	diffID     v1.Hash
	blob       v1.Layer
}

func (l *pulledLayer) Digest() (v1.Hash, error)            { return l.descriptor.Digest, nil }
func (l *pulledLayer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l *pulledLayer) Size() (int64, error)                { return l.descriptor.Size, nil }
func (l *pulledLayer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }
func (l *pulledLayer) Compressed() (io.ReadCloser, error)  { return l.blob.Compressed() }
func (l *pulledLayer) Descriptor() (*v1.Descriptor, error) { return &l.descriptor, nil }

// Push writes an image as repository:tag and returns its digest. What the registry has
// already is not sent again. Errors are Denied, Invalid or Unavailable and name the
// repository.
func (r *Registry) Push(ctx context.Context, repository, tag string, image v1.Image) (string, error) {
	repo, err := r.parseRepository(repository)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "%s is no image repository; correct the cluster's registry", repository)
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	to := repo.Tag(tag)
	if err := remote.Write(to, image, append(r.options.remote(), remote.WithContext(ctx), remote.WithJobs(pushJobs))...); err != nil {
		return "", PushFault(err, to)
	}
	r.images.put(to.Name(), digest.String())
	return digest.String(), nil
}

// PushFault says in a user's words why an image could not be pushed.
func PushFault(err error, tag name.Tag) error {
	var refused *transport.Error
	var coded *fault.Error
	switch {
	case errors.As(err, &refused):
	case errors.As(err, &coded):
		return fault.Wrap(coded.Code, err, "the image could not be pushed to %s: %s", tag.Context(), coded.Message)
	case !Unreached(err):
		return fault.Wrap(fault.Unavailable, err, "the image could not be pushed to %s: what answers at %s is no registry, or a broken one; check the cluster's registry", tag.Context(), tag.RegistryStr())
	default:
		return fault.Wrap(fault.Unavailable, err, "the image could not be pushed to %s: the registry %s cannot be reached; check the registry and the build network", tag.Context(), tag.RegistryStr())
	}
	switch refused.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.Wrap(fault.Denied, err, "the registry denied the push to %s; check that the credentials of the cluster's registry may push there", tag.Context())
	case http.StatusRequestEntityTooLarge, http.StatusInsufficientStorage:
		return fault.Wrap(fault.Invalid, err, "the registry refused the push to %s, because the image is too large; make it smaller or raise the registry's limit", tag.Context())
	}
	return fault.Wrap(fault.Unavailable, err, "the registry answered %d to the push to %s; check the registry", refused.StatusCode, tag.Context())
}
