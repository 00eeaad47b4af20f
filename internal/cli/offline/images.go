package offline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/localfile"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

// Images are what is known of images that the server would ask a registry for.
type Images struct {
	given       []string
	resolve     bool
	credentials string
	lockFile    string

	// Given are references by digest, by service or by reference with a tag.
	Given  map[string]string
	locked map[string]lockedImage

	registry *build.Registry // nil unless images are resolved
}

// lockedImage is what a lock file has of a reference with a tag.
type lockedImage struct {
	Digest string `json:"digest"`
	project.ImageConfig
}

// imageLock is a lock file.
type imageLock struct {
	Images map[string]lockedImage `json:"images"`
}

// digestForm is how a digest is written.
var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// Flags adds the flags that say what images are.
func (i *Images) Flags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringSliceVar(&i.given, "images", nil, "images by digest: SERVICE=REFERENCE@sha256:… for what Slipway builds, IMAGE:TAG=REFERENCE@sha256:… for others; or a file that --write-images wrote")
	flags.BoolVar(&i.resolve, "resolve", false, "ask registries for digests, and for what images say of themselves, as the server does")
	flags.StringVar(&i.credentials, "registry-credentials", "", "file with the credentials for --resolve, as docker login writes it (.dockerconfigjson)")
	flags.StringVar(&i.lockFile, "write-images", "", "with --resolve: write what was found to a file for --images")
}

// load reads the flags. Mirrors and plain HTTP are the cluster's.
func (i *Images) load(registry v1alpha1.Registry) error {
	i.Given, i.locked = map[string]string{}, map[string]lockedImage{}
	for _, value := range i.given {
		name, ref, isPair := strings.Cut(value, "=")
		switch {
		case !isPair:
			if err := i.read(value); err != nil {
				return err
			}
		case !byDigest.MatchString(ref):
			return exit.WrongUsage(fmt.Errorf("--images %.200q: write SERVICE=REFERENCE@sha256:… with the 64 hexadecimal digits of the digest", value))
		default:
			i.Given[name] = ref
		}
	}
	if !i.resolve {
		if i.lockFile != "" || i.credentials != "" {
			return exit.WrongUsage(errors.New("--write-images and --registry-credentials say something of --resolve; give it too"))
		}
		return nil
	}
	return i.connect(registry)
}

// read adds what a lock file has.
func (i *Images) read(file string) error {
	data, err := localfile.Read(file)
	if err != nil {
		return err
	}
	var lock imageLock
	if err := yaml.UnmarshalStrict(data, &lock); err != nil {
		return fault.New(fault.Invalid, "%s is no file with images: %v; write one with --resolve --write-images", file, err)
	}
	for ref, image := range lock.Images {
		if !digestForm.MatchString(image.Digest) {
			return fault.New(fault.Invalid, "%s: images.%.200s.digest: %.100q is no digest; write sha256: and 64 hexadecimal digits", file, ref, image.Digest)
		}
		i.locked[ref] = image
	}
	return nil
}

func (i *Images) connect(registry v1alpha1.Registry) error {
	options := build.Options{Mirrors: registry.Mirrors, TTL: time.Hour, Now: time.Now}
	if registry.Insecure {
		options.Insecure = append([]string{registry.Host}, registry.Mirrors...)
	}
	if i.credentials != "" {
		data, err := localfile.Read(i.credentials)
		if err != nil {
			return err
		}
		if options.Credentials, err = build.ParseCredentials(data); err != nil {
			return err
		}
	}
	options.Transport = build.Reach{Dialer: dial.Unrestricted(), Configured: []string{registry.Host}, Insecure: options.Insecure}.Transport()
	var err error
	i.registry, err = build.NewRegistry(options)
	return err
}

// find asks registries for references with tags that nothing is known of. It
// reports whether anything was found.
func (i *Images) find(ctx context.Context, refs []string) (bool, error) {
	found := false
	for _, ref := range refs {
		if _, known := i.locked[ref]; known || i.registry == nil || i.Given[ref] != "" {
			continue
		}
		digest, err := i.registry.Resolve(ctx, ref)
		if err != nil {
			return false, err
		}
		config, err := i.registry.Config(ctx, ref, digest)
		if err != nil {
			return false, err
		}
		i.locked[ref], found = lockedImage{digest, config}, true
	}
	return found, nil
}

// configs returns what images say of themselves, by reference.
func (i *Images) configs() map[string]project.ImageConfig {
	configs := map[string]project.ImageConfig{}
	for ref, image := range i.locked {
		configs[ref] = image.ImageConfig
	}
	return configs
}

// isKnown reports whether the digest of a reference with a tag is known.
func (i *Images) isKnown(ref string) bool {
	_, locked := i.locked[ref]
	return locked || i.Given[ref] != ""
}

// write writes the lock file of the images of a stage, if one is wanted.
func (i *Images) write(refs []string) error {
	if i.lockFile == "" {
		return nil
	}
	lock := imageLock{Images: map[string]lockedImage{}}
	for _, ref := range slices.Sorted(maps.Keys(i.locked)) {
		if slices.Contains(refs, ref) {
			lock.Images[ref] = i.locked[ref]
		}
	}
	text, err := yaml.Marshal(lock)
	if err != nil {
		return fmt.Errorf("write %s: %w", i.lockFile, err)
	}
	if err := os.WriteFile(i.lockFile, text, 0o644); err != nil { //nolint:gosec // files of a repository are for everyone to read
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
