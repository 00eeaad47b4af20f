package file

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Compose is what the Compose files of a service say together.
type Compose struct {
	Problems
	// Dir is the directory that relative paths start from: that of the first
	// file.
	Dir string
	// Project is the merged project, Model the same as plain values.
	Project *types.Project
	Model   map[string]any
	// Variables have a value.
	Variables map[string]string

	service   string // of the project file
	documents []document
}

// document is one Compose file.
type document struct {
	name string
	data []byte
	root *yaml.Node
}

// Read reads the Compose files of a service. Everything that is wrong with
// them is in the result's problems; Project is nil when they can't be
// understood. The error is one that the files are not to blame for, or that
// nothing could be read.
func Read(ctx context.Context, s source.Service, commit Commit) (*Compose, error) {
	c := &Compose{service: s.Name}
	for i, given := range s.Spec.Compose.Paths() {
		if err := c.readDocument(s, i, given, commit); err != nil {
			return nil, err
		}
	}
	if len(c.documents) == 0 {
		return nil, s.Place("compose.files").Refuse("all files are empty; a Compose file has services")
	}
	c.Dir = path.Dir(path.Clean(s.Spec.Compose.Paths()[0]))
	if err := c.readVariables(s.Spec.Compose.Variables, commit); err != nil {
		return nil, err
	}
	c.checkVariables()
	for _, d := range c.documents {
		c.checkReferences(d)
	}
	if c.Any() {
		c.locate(ctx)
		return c, nil
	}
	if err := c.load(ctx); err != nil {
		c.locate(ctx)
		if !c.Any() {
			c.Refuse(tree.Place{File: c.documents[0].name}, "%s; correct it", brief(err))
		}
		c.Project = nil
	}
	return c, nil
}

func (c *Compose) readDocument(s source.Service, index int, given string, commit Commit) error {
	at := s.Place("compose.file")
	if s.Spec.Compose.File == "" {
		at = s.Place(fmt.Sprintf("compose.files[%d]", index))
	}
	name, err := tree.Resolve(at, ".", given)
	if err != nil {
		return err
	}
	data, err := commit.File(at, name)
	if err != nil {
		return err
	}
	documents, err := tree.Documents(name, data, s.Limits)
	if err != nil {
		return err
	}
	switch empty := len(documents) == 0 || len(documents[0].Content) == 1 && documents[0].Content[0].Tag == "!!null"; {
	case empty && len(s.Spec.Compose.Paths()) > 1:
		return nil // it changes nothing
	case empty:
		return tree.Place{File: name}.Refuse("the file is empty; a Compose file has services")
	case len(documents) != 1 || len(documents[0].Content) != 1 || documents[0].Content[0].Kind != yaml.MappingNode:
		return tree.Place{File: name}.Refuse("a Compose file is one YAML mapping; it has services")
	}
	c.documents = append(c.documents, document{name, data, documents[0].Content[0]})
	return nil
}

// checkReferences refuses, by line, what refers to further Compose files.
func (c *Compose) checkReferences(d document) {
	if include := member(d.root, "include"); include != nil {
		c.Refuse(tree.Place{File: d.name, Line: include.Line, Field: "include"}, "other files are not included by a Compose file; list them in compose.files of slipway.yaml")
	}
	services := member(d.root, "services")
	if services == nil || services.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(services.Content); i += 2 {
		if other := member(member(services.Content[i+1], "extends"), "file"); other != nil {
			at := tree.Place{File: d.name, Line: other.Line, Field: "services." + services.Content[i].Value + ".extends.file"}
			c.Refuse(at, "a service is extended only from the same file; copy what it extends into this one")
		}
	}
}

// load merges the files.
func (c *Compose) load(ctx context.Context) error {
	details := types.ConfigDetails{WorkingDir: "/", Environment: types.Mapping(c.Variables).Clone()}
	for _, d := range c.documents {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: d.name, Content: d.data})
	}
	model, err := loader.LoadModelWithContext(ctx, details, c.closed)
	if err != nil {
		return err
	}
	c.Model = clone(model).(map[string]any)
	options := loader.ToOptions(&details, []func(*loader.Options){c.closed})
	c.Project, err = loader.ModelToProject(model, options, details)
	return err
}

// closed switches off whatever reads files or asks an environment.
func (c *Compose) closed(o *loader.Options) {
	o.SkipInclude = true
	o.SkipResolveEnvironment = true
	o.SkipResolveLabels = true
	o.SkipNormalization = true
	o.SkipConsistencyCheck = true
	o.ResolvePaths = false
	o.Interpolate.Substitute = func(text string, mapping template.Mapping) (string, error) { return substitute(text, mapping) }
	o.ResourceLoaders = []loader.ResourceLoader{nowhere{}}
	o.Profiles = []string{"*"}
	o.SetProjectName(c.service, true)
}

// nowhere is asked before the library would look on a disk, and finds nothing.
type nowhere struct{}

func (nowhere) Accept(string) bool { return true }

func (nowhere) Load(_ context.Context, path string) (string, error) {
	return "", fmt.Errorf("%s is another file, which is not read", tree.Quote(path))
}

func (nowhere) Dir(path string) string { return path }

// clone copies plain values.
func clone(value any) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for key, member := range value {
			copied[key] = clone(member)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, item := range value {
			copied[i] = clone(item)
		}
		return copied
	}
	return value
}

// brief makes an error of a library fit for a message: one line, bounded.
func brief(err error) string {
	const most = 400
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
