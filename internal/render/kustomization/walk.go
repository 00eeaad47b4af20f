package kustomization

import (
	"context"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Walk reads and shares every file that the Kustomize directory dir needs, and
// refuses what Kustomize may not do. It returns the directories that it entered, dir
// first, each once. The place says what refers to dir.
func Walk(ctx context.Context, r *tree.Reader, at tree.Place, dir string) ([]string, error) {
	w := &walk{reader: r, entered: map[string]*File{}}
	if err := w.enter(ctx, at, dir, false); err != nil {
		return nil, err
	}
	return w.order, nil
}

// walk is one walk over the references of a directory.
type walk struct {
	reader  *tree.Reader
	stack   []string
	entered map[string]*File
	order   []string
}

// enter walks dir. It is entered again whenever it is referred to again,
// because Kustomize does so too: the limits count that.
func (w *walk) enter(ctx context.Context, at tree.Place, dir string, component bool) error {
	for _, above := range w.stack {
		if tree.Inside(dir, above) {
			return at.Refuse("%s is referred to from inside itself (%s); a directory can't be its own base", tree.Quote(dir), strings.Join(append(w.stack, dir), " → "))
		}
	}
	if err := w.reader.Visit(at, len(w.stack)+1); err != nil {
		return err
	}
	file, err := w.open(ctx, at, dir)
	if err != nil {
		return err
	}
	if component != file.IsComponent() && len(w.stack) > 0 {
		return at.Refuse("%s has kind %s; components list components and resources list everything else", tree.Quote(dir), file.Content.Kind)
	}
	w.stack = append(w.stack, dir)
	defer func() { w.stack = w.stack[:len(w.stack)-1] }()
	return w.references(ctx, file, dir)
}

func (w *walk) open(ctx context.Context, at tree.Place, dir string) (*File, error) {
	if file, known := w.entered[dir]; known {
		return file, nil
	}
	file, err := load(ctx, w.reader, at, dir)
	if err != nil {
		return nil, err
	}
	w.entered[dir] = file
	w.order = append(w.order, dir)
	return file, nil
}

// references walks every field that may refer to something.
func (w *walk) references(ctx context.Context, file *File, dir string) error {
	steps := []func(context.Context, *File, string) error{
		w.resources, w.components, w.patches, w.legacyPatches,
		w.configMaps, w.replacements, w.schemas, w.transformers,
	}
	for _, step := range steps {
		if err := step(ctx, file, dir); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) resources(ctx context.Context, file *File, dir string) error {
	listed := len(file.Content.Resources)
	if bases := member(file.root, "bases"); bases != nil {
		listed -= len(target(bases).Content)
	}
	for i, ref := range file.Content.Resources {
		at := file.At("resources", i)
		if i >= listed {
			at = file.At("bases", i-listed)
		}
		name, err := tree.Resolve(at, dir, ref)
		if err != nil {
			return err
		}
		isDir, err := w.reader.IsDir(at, name)
		if err != nil {
			return err
		}
		if isDir {
			err = w.enter(ctx, at, name, false)
		} else {
			err = w.manifest(ctx, at, dir, ref)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) components(ctx context.Context, file *File, dir string) error {
	for i, ref := range file.Content.Components {
		at := file.At("components", i)
		name, err := tree.Resolve(at, dir, ref)
		if err != nil {
			return err
		}
		isDir, err := w.reader.IsDir(at, name)
		if err != nil {
			return err
		}
		if !isDir {
			return at.Refuse("%s is a file; a component is a directory", tree.Quote(ref))
		}
		if err := w.enter(ctx, at, name, true); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) patches(ctx context.Context, file *File, dir string) error {
	for i, patch := range file.Content.Patches {
		if patch.Path != "" {
			if err := w.manifest(ctx, file.At("patches", i, "path"), dir, patch.Path); err != nil {
				return err
			}
		}
		if err := w.inline(file.At("patches", i, "patch"), patch.Patch); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) legacyPatches(ctx context.Context, file *File, dir string) error {
	for i, patch := range file.Content.PatchesStrategicMerge { //nolint:staticcheck // repositories have it
		at := file.At("patchesStrategicMerge", i)
		if strings.Contains(string(patch), "\n") {
			if err := w.inline(at, string(patch)); err != nil {
				return err
			}
			continue
		}
		if err := w.manifest(ctx, at, dir, string(patch)); err != nil {
			return err
		}
	}
	for i, patch := range file.Content.PatchesJson6902 { //nolint:staticcheck // repositories have it
		if patch.Path != "" {
			if err := w.manifest(ctx, file.At("patchesJson6902", i, "path"), dir, patch.Path); err != nil {
				return err
			}
		}
		if err := w.inline(file.At("patchesJson6902", i, "patch"), patch.Patch); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) configMaps(ctx context.Context, file *File, dir string) error {
	for i, generator := range file.Content.ConfigMapGenerator {
		for j, source := range generator.FileSources {
			_, name, found := strings.Cut(source, "=")
			if !found {
				name = source
			}
			if err := w.plain(ctx, file.At("configMapGenerator", i, "files", j), dir, name); err != nil {
				return err
			}
		}
		for j, source := range generator.EnvSources {
			if err := w.plain(ctx, file.At("configMapGenerator", i, "envs", j), dir, source); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) replacements(ctx context.Context, file *File, dir string) error {
	for i, replacement := range file.Content.Replacements {
		if replacement.Path == "" {
			continue
		}
		if err := w.manifest(ctx, file.At("replacements", i, "path"), dir, replacement.Path); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) schemas(ctx context.Context, file *File, dir string) error {
	for i, ref := range file.Content.Crds {
		if err := w.manifest(ctx, file.At("crds", i), dir, ref); err != nil {
			return err
		}
	}
	for i, ref := range file.Content.Configurations {
		if err := w.manifest(ctx, file.At("configurations", i), dir, ref); err != nil {
			return err
		}
	}
	ref, given := file.Content.OpenAPI["path"]
	if !given {
		return nil
	}
	return w.manifest(ctx, file.At("openapi", "path"), dir, ref)
}

// manifest reads a YAML file inside dir and checks its size once expanded.
func (w *walk) manifest(ctx context.Context, at tree.Place, dir, ref string) error {
	name, data, err := w.file(ctx, at, dir, ref)
	if err != nil {
		return err
	}
	documents, err := tree.Documents(name, data, w.reader.Limits())
	if err != nil {
		return err
	}
	return w.reader.Documents(at, len(documents))
}

// plain reads a file inside dir whatever it holds.
func (w *walk) plain(ctx context.Context, at tree.Place, dir, ref string) error {
	_, _, err := w.file(ctx, at, dir, ref)
	return err
}

// file reads a file that Kustomize, too, would agree to read: one inside the
// directory that refers to it.
func (w *walk) file(ctx context.Context, at tree.Place, dir, ref string) (string, []byte, error) {
	name, err := tree.Resolve(at, dir, ref)
	if err != nil {
		return "", nil, err
	}
	if !tree.Inside(dir, name) {
		return "", nil, at.Refuse("the file %s is outside %s; Kustomize reads files only below the directory that names them: move it, or list its directory", tree.Quote(ref), tree.Quote(path.Clean(dir)))
	}
	data, err := w.reader.File(ctx, at, name)
	if err == nil {
		w.reader.Share(name)
	}
	return name, data, err
}

// inline checks YAML that is written inside a kustomization file.
func (w *walk) inline(at tree.Place, text string) error {
	if text == "" {
		return nil
	}
	documents, err := tree.Documents(at.String(), []byte(text), w.reader.Limits())
	if err != nil {
		return err
	}
	return w.reader.Documents(at, len(documents))
}
