package build

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"k8s.io/utils/lru"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
)

// maxCauseBytes bounds what a message repeats of foreign text.
const maxCauseBytes = 1024

// requestTimeout bounds one question to one registry, its retries included.
const requestTimeout = 20 * time.Second

// Repository returns the repository that a project's images are pushed to:
// host/prefix/organization/project. A project has one for all its services
// and stages, so that whoever needs the image of an input hash finds it, and
// a credential can be limited to it. Images of untrusted code (a fork's preview) go to
// a repository of their class below it, because what a build does once it runs isn't
// part of its input. An empty class is the project's own code.
func Repository(host, prefix, organization, project, class string) string {
	repository := v1alpha1.Registry{Host: host, Prefix: prefix}.Repository(organization, project)
	if class != "" {
		return path.Join(repository, "previews", class)
	}
	return repository
}

// Options configure a Registry.
type Options struct {
	// Insecure are hosts that speak plain HTTP.
	Insecure []string
	// Mirrors are asked, in order, instead of docker.io: host or host/path.
	Mirrors []string
	// Credentials authenticate to the registries they name.
	Credentials Credentials
	// Transport is what Reach.Transport returns, Layers what Reach.LayerTransport does;
	// without Layers, layers are as bounded as other answers.
	Transport, Layers http.RoundTripper
	// TTL is how long an answer is taken to be true.
	TTL time.Duration
	// Now is the clock.
	Now func() time.Time
}

// remote returns the options of the registry client.
func (o Options) remote() []remote.Option {
	return []remote.Option{
		remote.WithTransport(o.Transport),
		remote.WithAuthFromKeychain(o.Credentials),
		remote.WithRetryBackoff(remote.Backoff{Duration: 200 * time.Millisecond, Factor: 3, Steps: 3}),
	}
}

// Registry answers questions about images. It is safe for concurrent use.
type Registry struct {
	options Options
	puller  *remote.Puller // keeps the login of each project's repository
	bases   *digestCache
	images  *digestCache
	configs *lru.Cache // project.ImageConfig by digest
	starts  *lru.Cache // BaseConfig by digest
}

// NewRegistry returns a Registry. Transport and Now must be set. Make a new
// one when credentials change.
func NewRegistry(options Options) (*Registry, error) {
	puller, err := remote.NewPuller(options.remote()...)
	if err != nil {
		return nil, fmt.Errorf("make registry client: %w", err)
	}
	return &Registry{
		options: options,
		puller:  puller,
		bases:   newDigestCache(options.TTL, options.Now),
		images:  newDigestCache(options.TTL, options.Now),
		configs: lru.New(maxConfigs),
		starts:  lru.New(maxConfigs),
	}, nil
}

// Exists finds the image of an input hash in a repository. The reference that
// it returns is repository@digest. That an image exists is remembered for
// the TTL; that it doesn't is asked again each time. Errors are Invalid, Denied or
// Unavailable.
func (r *Registry) Exists(ctx context.Context, repository, hash string) (string, bool, error) {
	repo, err := r.parseRepository(repository)
	if err != nil {
		return "", false, fault.Wrap(fault.Invalid, err, "%s is no image repository; correct the cluster's registry", printable.Excerpt(repository, maxCauseBytes))
	}
	tag := repo.Tag(hash)
	if digest, ok := r.images.get(tag.Name()); ok {
		return repo.Digest(digest).String(), true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	found, err := r.puller.Head(ctx, tag)
	if statusOf(err) == http.StatusNotFound {
		return "", false, nil
	}
	if err != nil {
		return "", false, registryFault(err, tag.Name())
	}
	r.images.put(tag.Name(), found.Digest.String())
	return repo.Digest(found.Digest.String()).String(), true, nil
}

// Resolve returns the digest (sha256:…) that an image reference has now, from
// docker.io's mirrors first. A reference with a digest answers itself. Answers
// are kept for the TTL. Errors are Invalid, NotFound, Denied or Unavailable
// and name the image.
func (r *Registry) Resolve(ctx context.Context, ref string) (string, error) {
	image, err := ParseReference(ref, r.options.Insecure)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "%s is no image reference; correct it", printable.Excerpt(ref, maxCauseBytes))
	}
	if digest, ok := image.(name.Digest); ok {
		return digest.DigestStr(), nil
	}
	if digest, ok := r.bases.get(image.Name()); ok {
		return digest, nil
	}
	digest, err := r.ask(ctx, image)
	if err != nil {
		return "", registryFault(err, image.Name())
	}
	r.bases.put(image.Name(), digest)
	return digest, nil
}

// ResolveBases resolves every base image of a Dockerfile. The error of one
// names its line.
func (r *Registry) ResolveBases(ctx context.Context, file *Dockerfile, bases []Base) (map[string]string, error) {
	digests := make(map[string]string, len(bases))
	for _, base := range bases {
		digest, err := r.Resolve(ctx, base.Ref)
		if err != nil {
			return nil, fault.Wrap(fault.CodeOf(err), err, "%s:%d: base image: %s", file.Path(), base.Line, fault.MessageOf(err))
		}
		digests[base.Ref] = digest
	}
	return digests, nil
}

// ask tries the places that an image may come from; the last error wins, as
// it is the original registry's.
func (r *Registry) ask(ctx context.Context, image name.Reference) (string, error) {
	places, failed := r.places(image)
	for _, place := range places {
		digest, err := r.head(ctx, place)
		if err == nil {
			return digest.String(), nil
		}
		if ctx.Err() != nil {
			return "", err
		}
		failed = err
	}
	return "", failed
}

// places returns the references to try for an image, mirrors first.
func (r *Registry) places(image name.Reference) ([]name.Reference, error) {
	if image.Context().RegistryStr() != name.DefaultRegistry {
		return []name.Reference{image}, nil
	}
	var places []name.Reference
	for _, mirror := range r.options.Mirrors {
		repository := path.Join(mirror, image.Context().RepositoryStr())
		repo, err := r.parseRepository(repository)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "registry mirror %s is no host or host/path; correct the cluster's mirrors", mirror)
		}
		if digest, byDigest := image.(name.Digest); byDigest {
			places = append(places, repo.Digest(digest.DigestStr()))
		} else {
			places = append(places, repo.Tag(image.Identifier()))
		}
	}
	return append(places, image), nil
}

// head asks for an image's digest. Registries that leave the digest out of
// the answer to HEAD are asked for the manifest.
func (r *Registry) head(ctx context.Context, image name.Reference) (v1.Hash, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	options := append(r.options.remote(), remote.WithContext(ctx))
	found, err := remote.Head(image, options...)
	if err == nil {
		return found.Digest, nil
	}
	if statusOf(err) != 0 || ctx.Err() != nil || isNetwork(err) {
		return v1.Hash{}, err
	}
	full, err := remote.Get(image, options...)
	if err != nil {
		return v1.Hash{}, err
	}
	return full.Digest, nil
}

// readConfig reads a configuration from the places that an image may come from.
func (r *Registry) readConfig(ctx context.Context, image name.Digest) ([]byte, error) {
	places, failed := r.places(image)
	for _, place := range places {
		raw, err := r.readConfigAt(ctx, place)
		if err == nil || ctx.Err() != nil || fault.CodeOf(err) == fault.Invalid {
			return raw, err
		}
		failed = err
	}
	return nil, failed
}

func (r *Registry) readConfigAt(ctx context.Context, image name.Reference) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	options := append(r.options.remote(), remote.WithContext(ctx))
	found, err := remote.Get(image, options...)
	if err != nil {
		return nil, err
	}
	made, err := chooseImage(found)
	if err != nil {
		return nil, noImage(err)
	}
	return made.RawConfigFile()
}

// chooseImage returns the image that a descriptor leads to.
func chooseImage(found *remote.Descriptor) (v1.Image, error) {
	if !found.MediaType.IsIndex() {
		return found.Image()
	}
	index, err := found.ImageIndex()
	if err != nil {
		return nil, err
	}
	return imageOf(index)
}

// ParseReference parses an image reference; a host among insecure may be
// spoken to in plain HTTP.
func ParseReference(ref string, insecure []string) (name.Reference, error) {
	image, err := name.ParseReference(ref)
	if err != nil || !slices.Contains(insecure, image.Context().RegistryStr()) {
		return image, err
	}
	return name.ParseReference(ref, name.Insecure)
}

// parseRepository parses host/path; an insecure host may be spoken to in plain
// HTTP.
func (r *Registry) parseRepository(repository string) (name.Repository, error) {
	host, _, _ := strings.Cut(repository, "/")
	if slices.Contains(r.options.Insecure, host) {
		return name.NewRepository(repository, name.StrictValidation, name.Insecure)
	}
	return name.NewRepository(repository, name.StrictValidation)
}

// statusOf returns the HTTP status of a registry's refusal, or 0.
func statusOf(err error) int {
	var refused *transport.Error
	if errors.As(err, &refused) {
		return refused.StatusCode
	}
	return 0
}
