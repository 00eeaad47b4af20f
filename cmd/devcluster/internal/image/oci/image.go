package oci

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Config is what an image says about running it. Zero fields leave the base
// image's value. An Entrypoint without a Cmd drops the base's Cmd, as a
// Dockerfile's ENTRYPOINT does. Env overrides by name, Labels by key.
type Config struct {
	Entrypoint []string
	Cmd        []string
	Env        []string
	User       string
	WorkingDir string
	StopSignal string
	Ports      []string // such as 6379/tcp
	Volumes    []string
	Labels     map[string]string
}

// Assemble puts layers and settings on base; a nil base is the empty image of
// this machine's architecture.
func Assemble(base v1.Image, config Config, layers ...v1.Layer) (v1.Image, error) {
	if base == nil {
		base = mutate.MediaType(empty.Image, types.OCIManifestSchema1)
		base = mutate.ConfigMediaType(base, types.OCIConfigJSON)
	}
	addenda := make([]mutate.Addendum, 0, len(layers))
	for _, layer := range layers {
		addenda = append(addenda, mutate.Addendum{
			Layer:   layer,
			History: v1.History{Created: v1.Time{Time: Epoch()}, CreatedBy: "devcluster image"},
		})
	}
	image, err := mutate.Append(base, addenda...)
	if err != nil {
		return nil, fmt.Errorf("append layers: %w", err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("read base configuration: %w", err)
	}
	file = file.DeepCopy()
	file.Created = v1.Time{Time: Epoch()}
	if file.OS == "" {
		file.OS, file.Architecture = "linux", runtime.GOARCH
	}
	config.apply(&file.Config)
	image, err = mutate.ConfigFile(image, file)
	if err != nil {
		return nil, fmt.Errorf("set image configuration: %w", err)
	}
	return image, nil
}

// apply writes the named settings over what is there.
func (c Config) apply(to *v1.Config) {
	if c.Entrypoint != nil {
		to.Entrypoint, to.Cmd = c.Entrypoint, nil
	}
	if c.Cmd != nil {
		to.Cmd = c.Cmd
	}
	if c.User != "" {
		to.User = c.User
	}
	if c.WorkingDir != "" {
		to.WorkingDir = c.WorkingDir
	}
	if c.StopSignal != "" {
		to.StopSignal = c.StopSignal
	}
	to.Env = mergeEnv(to.Env, c.Env)
	to.ExposedPorts = addKeys(to.ExposedPorts, c.Ports)
	to.Volumes = addKeys(to.Volumes, c.Volumes)
	if len(c.Labels) > 0 {
		labels := maps.Clone(to.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		maps.Copy(labels, c.Labels)
		to.Labels = labels
	}
}

// mergeEnv keeps the base's order and appends new names in theirs.
func mergeEnv(base, added []string) []string {
	merged := slices.Clone(base)
	for _, setting := range added {
		name, _, _ := strings.Cut(setting, "=")
		at := slices.IndexFunc(merged, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		if at < 0 {
			merged = append(merged, setting)
			continue
		}
		merged[at] = setting
	}
	return merged
}

func addKeys(base map[string]struct{}, keys []string) map[string]struct{} {
	if len(keys) == 0 {
		return base
	}
	all := maps.Clone(base)
	if all == nil {
		all = map[string]struct{}{}
	}
	for _, key := range keys {
		all[key] = struct{}{}
	}
	return all
}
