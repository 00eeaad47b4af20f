package push

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
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
		return "", build.PushFault(err, tag)
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

func writeDigest(path, digest string) error {
	if path == "" {
		return nil
	}
	err := os.WriteFile(path, []byte(digest), 0o644) //nolint:gosec // the digest is no secret
	return fault.Wrap(fault.Internal, err, "write the image's digest to %s", path)
}
