package compose

import (
	"context"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Source implements source.Source for the key compose.
type Source struct{ source.Concrete }

// References returns the Compose file.
func (Source) References(s source.Service) []source.Reference {
	return []source.Reference{{Field: "compose.file", Path: s.Spec.Compose.File, Kind: source.File, Noun: "a Compose file"}}
}

// Collect reads the Compose file and the files that its selected services
// refer to.
func (Source) Collect(ctx context.Context, r *tree.Reader, s source.Service) error {
	at := s.Place("compose.file")
	name, err := tree.Resolve(at, ".", s.Spec.Compose.File)
	if err != nil {
		return err
	}
	data, err := r.File(ctx, at, name)
	if err != nil {
		return err
	}
	f, err := parse(ctx, name, data, r.Limits())
	if err != nil {
		return err
	}
	services, err := f.selected(s)
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
