package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Media types of the artifact: those that Flux's OCIRepository reads. Other
// tools, such as oras, take any.
const (
	ConfigType  types.MediaType = "application/vnd.cncf.flux.config.v1+json"
	ContentType types.MediaType = "application/vnd.cncf.flux.content.v1.tar+gzip"
)

// fileName is the one file in the artifact's archive.
const fileName = "manifests.yaml"

// Place is where artifacts are pushed to.
type Place struct {
	// Repository is host/path, without a tag.
	Repository  string
	Insecure    bool // plain HTTP
	Credentials authn.Keychain
	Transport   http.RoundTripper
}

// Origin says what an artifact was rendered from.
type Origin struct {
	Stage  string
	Commit string
	Source string // the repository's URL; empty when unknown
}

// Push puts manifests into a registry as an OCI artifact and returns its
// address by digest, repository@sha256:…. The same manifests of the same
// origin make the same artifact. Manifests that hold a Secret or generated values are refused: who
// may pull images may not read those.
func Push(ctx context.Context, place Place, origin Origin, manifests []byte) (string, error) {
	if secretKind.Match(manifests) || bytes.Contains(manifests, []byte(naming.AnnotationGenerated)) {
		return "", fault.New(fault.Denied, "the bundle holds a Secret or generated values, which would be readable to everybody who may pull from %s; it is kept in the organization's namespace only", place.Repository)
	}
	image, err := artifact(origin, manifests)
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	if err != nil {
		return "", fmt.Errorf("digest of the artifact: %w", err)
	}
	options := []name.Option{}
	if place.Insecure {
		options = append(options, name.Insecure)
	}
	tag, err := name.NewTag(place.Repository+":"+tagOf(origin, manifests), options...)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "%s is no repository; correct the Cluster's registry", place.Repository)
	}
	err = remote.Write(tag, image, remote.WithContext(ctx), remote.WithAuthFromKeychain(place.Credentials), remote.WithTransport(place.Transport))
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "the bundle could not be pushed to %s; check that the Cluster's registry credentials may push there", place.Repository)
	}
	return place.Repository + "@" + digest.String(), nil
}

// secretKind finds a document that is a Secret, or that may be one because it is
// JSON.
var secretKind = regexp.MustCompile(`(?m)^(kind:\s*["']?Secret["']?\s*(#.*)?$|\{)`)

// tagOf names the artifact for people; tools use its digest.
func tagOf(origin Origin, manifests []byte) string {
	return strings.ToLower(origin.Stage) + "-" + strings.TrimPrefix(digestOf(manifests), "sha256:")[:12]
}

// artifact makes the image: one layer, a compressed archive of the manifests.
func artifact(origin Origin, manifests []byte) (v1.Image, error) {
	archive, err := archived(manifests)
	if err != nil {
		return nil, err
	}
	annotations := map[string]string{"org.opencontainers.image.title": "manifests.tar.gz"}
	layer := mutate.Addendum{Layer: static.NewLayer(archive, ContentType), Annotations: maps.Clone(annotations), MediaType: ContentType}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), ConfigType)
	if image, err = mutate.Append(image, layer); err != nil {
		return nil, fmt.Errorf("make the artifact: %w", err)
	}
	described := map[string]string{
		// The same manifests make the same artifact, whenever.
		"org.opencontainers.image.created":  time.Unix(0, 0).UTC().Format(time.RFC3339),
		"org.opencontainers.image.revision": origin.Stage + "@sha1:" + origin.Commit,
	}
	if origin.Source != "" {
		described["org.opencontainers.image.source"] = origin.Source
	}
	made, ok := mutate.Annotations(image, described).(v1.Image)
	if !ok {
		return nil, fault.New(fault.Internal, "the annotated artifact is no image")
	}
	return made, nil
}

// archived returns a compressed archive with the manifests as its only file.
func archived(manifests []byte) ([]byte, error) {
	var out bytes.Buffer
	compressed := gzip.NewWriter(&out)
	archive := tar.NewWriter(compressed)
	header := &tar.Header{Name: fileName, Mode: 0o644, Size: int64(len(manifests)), Typeflag: tar.TypeReg, Format: tar.FormatPAX}
	if err := archive.WriteHeader(header); err != nil {
		return nil, fmt.Errorf("archive the manifests: %w", err)
	}
	if _, err := archive.Write(manifests); err != nil {
		return nil, fmt.Errorf("archive the manifests: %w", err)
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("archive the manifests: %w", err)
	}
	if err := compressed.Close(); err != nil {
		return nil, fmt.Errorf("compress the manifests: %w", err)
	}
	return out.Bytes(), nil
}
