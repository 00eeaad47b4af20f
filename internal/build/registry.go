package build

import (
	"context"
	"errors"
	"net/http"
	"path"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/slipway-dev/slipway/internal/fault"
)

// requestTimeout bounds one question to one registry, its retries included.
const requestTimeout = 20 * time.Second

// Repository returns the repository that a project's images are pushed to:
// host/prefix/organization/project. A project has one for all its services
// and stages, so that whoever needs the image of an input hash finds it, and
// a credential can be limited to it. Images of untrusted code (previews) go to
// a repository below it, because what a build does once it runs isn't part of
// its input.
func Repository(host, prefix, organization, project string, untrusted bool) string {
	repository := path.Join(host, prefix, organization, project)
	if untrusted {
		return path.Join(repository, "previews")
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
	// Transport is what Reach.Transport returns.
	Transport http.RoundTripper
	// TTL is how long a resolved tag is believed.
	TTL time.Duration
	// Now is the clock.
	Now func() time.Time
}

// Registry answers questions about images. It is safe for concurrent use.
type Registry struct {
	options Options
	cache   *digestCache
}

// NewRegistry returns a Registry. Transport and Now must be set.
func NewRegistry(options Options) *Registry {
	return &Registry{options: options, cache: newDigestCache(options.TTL, options.Now)}
}

// Exists finds the image of an input hash in a repository. The reference that
// it returns is repository@digest. Errors are Denied or Unavailable.
func (r *Registry) Exists(ctx context.Context, repository, hash string) (string, bool, error) {
	repo, err := name.NewRepository(repository, r.insecure(repository)...)
	if err != nil {
		return "", false, fault.Wrap(fault.Invalid, err, "%s is no image repository; correct the cluster's registry", Clean(repository, maxCauseBytes))
	}
	digest, err := r.head(ctx, repo.Tag(hash))
	if statusOf(err) == http.StatusNotFound {
		return "", false, nil
	}
	if err != nil {
		return "", false, registryFault(err, repo.Tag(hash).String())
	}
	return repo.Digest(digest.String()).String(), true, nil
}

// Resolve returns the digest (sha256:…) that an image reference has now, from
// docker.io's mirrors first. A reference with a digest answers itself. Answers
// are kept for the TTL. Errors are Invalid, NotFound, Denied or Unavailable
// and name the image.
func (r *Registry) Resolve(ctx context.Context, ref string) (string, error) {
	image, err := name.ParseReference(ref, r.insecure(ref)...)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "%s is no image reference; correct it", Clean(ref, maxCauseBytes))
	}
	if digest, ok := image.(name.Digest); ok {
		return digest.DigestStr(), nil
	}
	if digest, ok := r.cache.get(image.Name()); ok {
		return digest, nil
	}
	digest, err := r.ask(ctx, image)
	if err != nil {
		return "", registryFault(err, image.Name())
	}
	r.cache.put(image.Name(), digest)
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
	var failed error
	for _, place := range r.places(image) {
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
func (r *Registry) places(image name.Reference) []name.Reference {
	if image.Context().RegistryStr() != name.DefaultRegistry {
		return []name.Reference{image}
	}
	var places []name.Reference
	for _, mirror := range r.options.Mirrors {
		repository := path.Join(mirror, image.Context().RepositoryStr())
		repo, err := name.NewRepository(repository, r.insecure(mirror)...)
		if err != nil {
			continue
		}
		places = append(places, repo.Tag(image.Identifier()))
	}
	return append(places, image)
}

// head asks for an image's digest. Registries that leave the digest out of
// the answer to HEAD are asked for the manifest.
func (r *Registry) head(ctx context.Context, image name.Reference) (v1.Hash, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	options := []remote.Option{
		remote.WithContext(ctx),
		remote.WithTransport(r.options.Transport),
		remote.WithAuthFromKeychain(r.options.Credentials),
		remote.WithRetryBackoff(remote.Backoff{Duration: 200 * time.Millisecond, Factor: 3, Steps: 3}),
	}
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

// insecure returns the option that lets a configured host speak plain HTTP.
func (r *Registry) insecure(ref string) []name.Option {
	return InsecureOption(ref, r.options.Insecure)
}

// InsecureOption returns the option for a reference whose registry is one of
// the insecure hosts, and none for any other.
func InsecureOption(ref string, insecure []string) []name.Option {
	parsed, err := name.ParseReference(ref)
	host := ref
	if err == nil {
		host = parsed.Context().RegistryStr()
	}
	if slices.Contains(insecure, host) {
		return []name.Option{name.Insecure}
	}
	return nil
}

// statusOf returns the HTTP status of a registry's refusal, or 0.
func statusOf(err error) int {
	var refused *transport.Error
	if errors.As(err, &refused) {
		return refused.StatusCode
	}
	return 0
}
