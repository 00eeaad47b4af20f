package compose

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// file is a Compose file that was read without touching a disk.
type file struct {
	path    string
	root    *yaml.Node
	project *types.Project
	// written are the keys of each service, those of extends included.
	written map[string][]string
	// unset are variables that it uses and that have no default.
	unset []string
}

// parse reads a Compose file. Everything that would make the library read
// other files is refused or switched off.
func parse(ctx context.Context, path string, data []byte, limits tree.Limits) (*file, error) {
	documents, err := tree.Documents(path, data, limits)
	if err != nil {
		return nil, err
	}
	at := tree.Place{File: path}
	if len(documents) != 1 || len(documents[0].Content) != 1 || documents[0].Content[0].Kind != yaml.MappingNode {
		return nil, at.Refuse("a Compose file is one YAML mapping; it has services")
	}
	f := &file{path: path, root: documents[0].Content[0]}
	if err := f.checkReferences(); err != nil {
		return nil, err
	}
	if err := f.findVariables(); err != nil {
		return nil, err
	}
	details := types.ConfigDetails{
		WorkingDir:  "/",
		Environment: types.Mapping{},
		ConfigFiles: []types.ConfigFile{{Filename: path, Content: data}},
	}
	model, err := loader.LoadModelWithContext(ctx, details, closed)
	if err != nil {
		return nil, at.Refuse("%s; correct it", brief(err))
	}
	f.written = writtenKeys(model)
	options := loader.ToOptions(&details, []func(*loader.Options){closed})
	if f.project, err = loader.ModelToProject(model, options, details); err != nil {
		return nil, at.Refuse("%s; correct it", brief(err))
	}
	return f, nil
}

// writtenKeys returns the services' keys, sorted, before the library adds its
// own.
func writtenKeys(model map[string]any) map[string][]string {
	written := map[string][]string{}
	services, _ := model["services"].(map[string]any)
	for name, service := range services {
		if fields, ok := service.(map[string]any); ok {
			written[name] = slices.Sorted(maps.Keys(fields))
		}
	}
	return written
}

// closed switches off whatever reads files or asks an environment.
func closed(o *loader.Options) {
	o.SkipInclude = true
	o.SkipResolveEnvironment = true
	o.SkipResolveLabels = true
	o.SkipNormalization = true
	o.SkipConsistencyCheck = true
	o.ResolvePaths = false
	o.Interpolate.Substitute = func(text string, mapping template.Mapping) (string, error) {
		return template.SubstituteWithOptions(text, mapping, template.WithoutLogging)
	}
	o.ResourceLoaders = []loader.ResourceLoader{nowhere{}}
	o.Profiles = []string{"*"}
	o.SetProjectName("slipway", true)
}

// nowhere is asked before the library would look on a disk, and finds nothing.
type nowhere struct{}

func (nowhere) Accept(string) bool { return true }

func (nowhere) Load(_ context.Context, path string) (string, error) {
	return "", fmt.Errorf("%s is another file, which is not read", tree.Quote(path))
}

func (nowhere) Dir(path string) string { return path }

// checkReferences refuses, by line, what refers to further Compose files.
func (f *file) checkReferences() error {
	if include := member(f.root, "include"); include != nil {
		return f.at(include, "include").Refuse("other Compose files are not included; make each a service of its own in slipway.yaml, with compose.file")
	}
	services := member(f.root, "services")
	if services == nil || services.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(services.Content); i += 2 {
		name := services.Content[i].Value
		extends := member(services.Content[i+1], "extends")
		if other := member(extends, "file"); other != nil {
			return f.at(other, "services."+name+".extends.file").Refuse("a service is extended only from the same file; copy what it extends into this one")
		}
	}
	return nil
}

// findVariables lists variables without a default: they become empty.
func (f *file) findVariables() error {
	var plain map[string]any
	if err := f.root.Decode(&plain); err != nil {
		return tree.Place{File: f.path}.Refuse("it can't be read: %s; correct it", brief(err))
	}
	variables := template.ExtractVariables(plain, template.DefaultPattern)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		v := variables[name]
		if v.DefaultValue == "" && v.PresenceValue == "" && !v.Required {
			f.unset = append(f.unset, name)
		}
	}
	return nil
}

// at returns the place of a node.
func (f *file) at(node *yaml.Node, field string) tree.Place {
	place := tree.Place{File: f.path, Field: field}
	if node != nil {
		place.Line = node.Line
	}
	return place
}

// key returns the place of a service's key.
func (f *file) key(service, name string) tree.Place {
	node := member(member(member(f.root, "services"), service), name)
	if node == nil {
		node = member(member(f.root, "services"), service)
	}
	return f.at(node, "services."+service+"."+name)
}

// selected returns the names of the Compose file's services that a service of
// the project file takes, sorted.
func (f *file) selected(s source.Service) ([]string, error) {
	var names []string
	wanted := s.Spec.Compose.Services
	if len(wanted) == 0 {
		for name, service := range f.project.Services {
			if len(service.Profiles) == 0 {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			return nil, s.Place("compose").Refuse("%s has no service without profiles; name the ones to take in compose.services", tree.Quote(f.path))
		}
		slices.Sort(names)
		return names, nil
	}
	for _, name := range wanted {
		if _, known := f.project.Services[name]; !known {
			return nil, s.Place("compose.services").Refuse("%s has no service %s; it has %s", tree.Quote(f.path), tree.Quote(name), strings.Join(slices.Sorted(maps.Keys(f.project.Services)), ", "))
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func member(node *yaml.Node, key string) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// brief makes an error of the library fit for a message: one line, bounded.
func brief(err error) string {
	const most = 400
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
