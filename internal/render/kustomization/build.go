package kustomization

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/slipway-dev/slipway/internal/fault"
)

// root is the directory in memory that files are put below, which Kustomize
// needs to be absolute. It never appears in messages.
const root = "/tree"

// Object is one rendered object.
type Object struct {
	Fields map[string]any
	Origin Origin
}

// Origin is where an object comes from, as paths of the tree; empty unless
// the kustomization file has buildMetadata that asks for it.
type Origin struct {
	File    string
	Changed []string // kustomization files with fields that may change it
}

// Name returns kind and name of the object for messages.
func (o Object) Name() string {
	return fmt.Sprintf("%v %v", o.Fields["kind"], o.Metadata("name"))
}

// Metadata returns a field of the object's metadata, empty when it is no text.
func (o Object) Metadata(field string) string {
	metadata, _ := o.Fields["metadata"].(map[string]any)
	text, _ := metadata[field].(string)
	return text
}

// Build runs Kustomize over the files, by relative path, and returns the
// objects in the order that the kustomization file of dir asks for. The
// caller has walked the files: Build itself would follow a remote reference.
// Kustomize keeps global state, so no two Builds may run at once in one
// process.
func Build(files map[string][]byte, dir string) (objects []Object, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fault.New(fault.Invalid, "Kustomize stopped at %s: %s; simplify what it renders", dir, clean(fmt.Sprint(cause)))
		}
	}()
	memory := filesys.MakeFsInMemory()
	for name, data := range files {
		if err := memory.WriteFile(path.Join(root, name), data); err != nil {
			return nil, fmt.Errorf("keep %s in memory: %w", name, err)
		}
	}
	rendered, err := krusty.MakeKustomizer(options()).Run(memory, path.Join(root, dir))
	if err != nil {
		return nil, explain(err, files)
	}
	return each(rendered)
}

// each reads the objects, with where they come from when the kustomization
// file asked Kustomize to record that.
func each(rendered resmap.ResMap) ([]Object, error) {
	var objects []Object
	for _, one := range rendered.Resources() {
		object, err := decode(one)
		if err != nil {
			return nil, fault.New(fault.Invalid, "Kustomize can't write %s: %s; correct it", clean(one.CurId().String()), clean(err.Error()))
		}
		if object.Origin, err = originOf(one); err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// originOf returns the files that made an object what it is.
func originOf(one *resource.Resource) (Origin, error) {
	made, err := one.GetOrigin()
	if err != nil {
		return Origin{}, fmt.Errorf("find the origin of %s: %w", one.CurId(), err)
	}
	changes, err := one.GetTransformations()
	if err != nil {
		return Origin{}, fmt.Errorf("find the changes of %s: %w", one.CurId(), err)
	}
	var origin Origin
	if made != nil {
		origin.File = cmp.Or(made.Path, made.ConfiguredIn)
	}
	for _, change := range changes {
		if file := cmp.Or(change.ConfiguredIn, change.Path); file != "" && !slices.Contains(origin.Changed, file) {
			origin.Changed = append(origin.Changed, file)
		}
	}
	return origin, nil
}

func options() *krusty.Options {
	return &krusty.Options{
		Reorder:          krusty.ReorderOptionUnspecified,
		LoadRestrictions: types.LoadRestrictionsRootOnly,
		PluginConfig:     types.DisabledPluginConfig(),
	}
}

// What messages of Kustomize hold too much of.
var (
	detour    = regexp.MustCompile(`(?:accumulating resources: )?accumulation err='accumulating resources from '[^']*': '[^']*' must resolve to a file': recursed (?:accumulation|merging) (?:of|from) path '([^']*)': `)
	outerDirs = regexp.MustCompile(`(?:in \S+: )+(in \S+: )`)
	rootPath  = regexp.MustCompile(root + `(/repo)?/?`)
)

// clean makes a message of Kustomize fit for users: only the innermost
// directory, paths as in the repository, one line, bounded.
func clean(message string) string {
	const most = 800
	message = detour.ReplaceAllString(message, "in $1: ")
	message = outerDirs.ReplaceAllString(message, "$1")
	message = rootPath.ReplaceAllString(message, "")
	message = strings.Join(strings.Fields(message), " ")
	if len(message) > most {
		message = strings.ToValidUTF8(message[:most], "") + "…"
	}
	return message
}
