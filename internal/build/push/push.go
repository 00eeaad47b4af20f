package push

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
)

// jobs is how many layers are uploaded at once.
const jobs = 3

// Options say how to push.
type Options struct {
	// Credentials push to the registry.
	Credentials build.Credentials
	// Insecure lets the registry speak plain HTTP.
	Insecure bool
	// DigestFile receives the image's digest, and nothing else, once it is
	// pushed; empty means none.
	DigestFile string
}

// Push uploads the image in the tar file at path as ref (host/path:tag) and
// returns its digest (sha256:…). Pushing the same image again uploads nothing.
// Errors: Invalid for a file that holds no image, Denied when the registry
// refuses, Unavailable when it can't be reached.
func Push(ctx context.Context, path, ref string, options Options) (string, error) {
	tag, err := parseTag(ref, options.Insecure)
	if err != nil {
		return "", err
	}
	file, err := openArchive(path)
	if err != nil {
		return "", err
	}
	defer file.close()
	image, err := tarball.Image(file.open, nil)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "%s holds no image; start the build again", path)
	}
	digest, err := upload(ctx, tag, image, options)
	if err != nil {
		return "", err
	}
	return digest, writeDigest(options.DigestFile, digest)
}

func parseTag(ref string, insecure bool) (name.Tag, error) {
	options := []name.Option{name.StrictValidation}
	if insecure {
		options = append(options, name.Insecure)
	}
	tag, err := name.NewTag(ref, options...)
	return tag, fault.Wrap(fault.Invalid, err, "%.200q is no image reference with registry and tag; correct the cluster's registry", ref)
}

func upload(ctx context.Context, tag name.Tag, image v1.Image, options Options) (string, error) {
	digest, err := image.Digest()
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "read the built image; start the build again")
	}
	transport, err := reach(tag, options.Insecure)
	if err != nil {
		return "", err
	}
	err = remote.Write(tag, image,
		remote.WithContext(ctx),
		remote.WithTransport(transport),
		remote.WithAuthFromKeychain(options.Credentials),
		remote.WithJobs(jobs),
		remote.WithRetryBackoff(remote.Backoff{Duration: time.Second, Factor: 2, Steps: 5}),
	)
	if err != nil {
		return "", uploadFault(err, tag)
	}
	return digest.String(), nil
}

// reach returns the way to the registry, wherever it is: the platform team named
// it. Where it may send the push on is checked.
func reach(tag name.Tag, insecure bool) (http.RoundTripper, error) {
	host := tag.RegistryStr()
	where := &url.URL{Scheme: tag.Scheme(), Host: host}
	dialer, err := dial.New(dial.Options{Allow: []string{dial.AddressOf(where)}})
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s is no registry's host; correct the cluster's registry", host)
	}
	r := build.Reach{Dialer: dialer, Configured: []string{host}}
	if insecure {
		r.Insecure = r.Configured
	}
	return r.Transport(), nil
}

func uploadFault(err error, tag name.Tag) error {
	var refused *transport.Error
	var coded *fault.Error
	switch {
	case errors.As(err, &refused):
	case errors.As(err, &coded):
		return fault.Wrap(coded.Code, err, "the image could not be pushed to %s: %s", tag.Context(), coded.Message)
	case !build.Unreached(err):
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

func writeDigest(path, digest string) error {
	if path == "" {
		return nil
	}
	err := os.WriteFile(path, []byte(digest), 0o644) //nolint:gosec // the digest is no secret
	return fault.Wrap(fault.Internal, err, "write the image's digest to %s", path)
}
