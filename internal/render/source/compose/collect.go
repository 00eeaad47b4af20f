package compose

import (
	"context"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Collect reads a Compose file and the files that its selected services refer
// to. The place is the service's in the project file, without a field.
func Collect(ctx context.Context, r *tree.Reader, at tree.Place, source project.Compose) error {
	given := at
	given.Field += ".compose.file"
	name, err := tree.Resolve(given, ".", source.File)
	if err != nil {
		return err
	}
	data, err := r.File(ctx, given, name)
	if err != nil {
		return err
	}
	f, err := parse(ctx, name, data, r.Limits())
	if err != nil {
		return err
	}
	services, err := f.selected(source.Services, at)
	if err != nil {
		return err
	}
	for _, service := range services {
		if err := f.collect(ctx, r, service); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) collect(ctx context.Context, r *tree.Reader, service string) error {
	for _, env := range f.project.Services[service].EnvFiles {
		at := f.key(service, "env_file")
		name, err := tree.Resolve(at, path.Dir(f.path), env.Path)
		if err != nil {
			return err
		}
		if !bool(env.Required) && !r.Exists(name) {
			continue
		}
		if _, err := r.File(ctx, at, name); err != nil {
			return err
		}
	}
	for _, config := range f.project.Services[service].Configs {
		given := f.project.Configs[config.Source]
		if given.File == "" {
			continue
		}
		at := f.at(member(member(f.root, "configs"), config.Source), "configs."+config.Source+".file")
		name, err := tree.Resolve(at, path.Dir(f.path), strings.TrimPrefix(given.File, "./"))
		if err != nil {
			return err
		}
		if _, err := r.File(ctx, at, name); err != nil {
			return err
		}
	}
	return nil
}
