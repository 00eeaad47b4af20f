package build

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/project"
)

// Bounds of what is taken of an image's configuration. Images name a handful.
const (
	maxConfigBytes  = 1 << 20
	maxConfigs      = 2000 // that are remembered
	maxImagePorts   = 50
	maxImageVolumes = 50
	maxImageText    = 1024 // bytes of a user or a path
)

// platform is what stages run on.
const platform = "amd64"

// Config returns what the image of a digest says of itself; the reference says
// where it is. An answer is kept as long as there is room: a digest never means
// anything else. Errors are Invalid, NotFound, Denied or Unavailable and name the
// image.
func (r *Registry) Config(ctx context.Context, ref, digest string) (project.ImageConfig, error) {
	if known, found := r.configs.Get(digest); found {
		return known.(project.ImageConfig), nil
	}
	raw, image, err := r.rawConfig(ctx, ref, digest)
	if err != nil {
		return project.ImageConfig{}, err
	}
	config, err := parseConfig(raw)
	if err != nil {
		return project.ImageConfig{}, fault.Wrap(fault.Invalid, err, "image %s can't be run: what the registry has as its configuration is none; check its name", image)
	}
	r.configs.Add(digest, config)
	return config, nil
}

// Base returns what the image of a digest says to those who build on it; the reference
// says where it is. Answers are kept, and errors are those of Config.
func (r *Registry) Base(ctx context.Context, ref, digest string) (BaseConfig, error) {
	if known, found := r.starts.Get(digest); found {
		return known.(BaseConfig), nil
	}
	raw, image, err := r.rawConfig(ctx, ref, digest)
	if err != nil {
		return BaseConfig{}, err
	}
	var file struct {
		Config struct{ Env, OnBuild []string } `json:"config"`
	}
	if len(raw) > maxConfigBytes {
		err = errors.New("it is too large")
	} else {
		err = json.Unmarshal(raw, &file)
	}
	if err != nil {
		return BaseConfig{}, fault.Wrap(fault.Invalid, err, "nothing can be built on image %s: what the registry has as its configuration is none; check its name", image)
	}
	base := BaseConfig{Env: file.Config.Env, OnBuild: len(file.Config.OnBuild) > 0}
	r.starts.Add(digest, base)
	return base, nil
}

// rawConfig reads the configuration of an image's digest, and returns the image's name.
func (r *Registry) rawConfig(ctx context.Context, ref, digest string) (raw []byte, name string, err error) {
	image, err := ParseReference(ref, r.options.Insecure)
	if err != nil {
		return nil, "", fault.Wrap(fault.Invalid, err, "%s is no image reference; correct it", printable.Excerpt(ref, maxCauseBytes))
	}
	if raw, err = r.readConfig(ctx, image.Context().Digest(digest)); err != nil {
		return nil, "", registryFault(err, image.Name())
	}
	return raw, image.Name(), nil
}

// imageOf chooses an image of an index: the platform's, which runs on every processor of it where
// there is one, or the first for Linux.
func imageOf(index v1.ImageIndex) (v1.Image, error) {
	list, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	images := slices.DeleteFunc(list.Manifests, func(d v1.Descriptor) bool {
		return !d.MediaType.IsImage() || d.Platform != nil && d.Platform.OS != "linux"
	})
	if len(images) == 0 {
		return nil, errors.New("the index names no image for Linux")
	}
	at := slices.IndexFunc(images, func(d v1.Descriptor) bool { return isFor(d.Platform, "", "v1") })
	if at < 0 {
		at = slices.IndexFunc(images, func(d v1.Descriptor) bool { return isFor(d.Platform, "v2", "v3", "v4") })
	}
	return index.Image(images[max(at, 0)].Digest)
}

// isFor reports whether an image is for a variant of what stages run on.
func isFor(p *v1.Platform, variants ...string) bool {
	return p != nil && p.Architecture == platform && slices.Contains(variants, p.Variant)
}

// noImage gives an error a code unless the registry is to blame.
func noImage(err error) error {
	if statusOf(err) != 0 || isNetwork(err) {
		return err
	}
	return fault.Wrap(fault.Invalid, err, "it is no container image for Linux; check its name")
}

// parseConfig takes from a configuration what counts. It is whatever somebody has
// put into a registry.
func parseConfig(raw []byte) (project.ImageConfig, error) {
	if len(raw) > maxConfigBytes {
		return project.ImageConfig{}, errors.New("it is too large")
	}
	var file struct {
		Config struct {
			User         string
			ExposedPorts map[string]struct{}
			Volumes      map[string]struct{}
		} `json:"config"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return project.ImageConfig{}, err
	}
	config := project.ImageConfig{Ports: exposed(file.Config.ExposedPorts), Volumes: volumes(file.Config.Volumes)}
	if isText(file.Config.User) {
		config.User = file.Config.User
	}
	return config, nil
}

// exposed returns the TCP ports of a list; ranges are left out.
func exposed(listed map[string]struct{}) []int32 {
	var ports []int32
	for entry := range listed {
		number, protocol, _ := strings.Cut(entry, "/")
		port, err := strconv.ParseUint(number, 10, 16)
		if err == nil && port > 0 && (protocol == "" || protocol == "tcp") {
			ports = append(ports, int32(port))
		}
	}
	slices.Sort(ports)
	ports = slices.Compact(ports)
	return ports[:min(len(ports), maxImagePorts)]
}

func volumes(listed map[string]struct{}) []string {
	var paths []string
	for _, entry := range slices.Sorted(maps.Keys(listed)) {
		if at := path.Clean(entry); path.IsAbs(at) && at != "/" && isText(at) {
			paths = append(paths, at)
		}
	}
	return paths[:min(len(paths), maxImageVolumes)]
}

// isText reports whether a text can be shown and kept.
func isText(text string) bool {
	return len(text) <= maxImageText && printable.Line(text) == text
}
