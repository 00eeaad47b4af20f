package file

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
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
	limits    tree.Limits
	documents []document
	chain     []string // files that led to these
	left      *left
}

// left is what all files of a service may still do together.
type left struct{ files, probes int }

// document is one Compose file.
type document struct {
	name string
	root *yaml.Node // as it is written
	// data is the text that is loaded. An included file has been read already:
	// config is what it says, nil when a later one says it.
	data   []byte
	config map[string]any
}

// Read reads the Compose files of a service. Everything that is wrong with
// them is in the result's problems; Project is nil when they can't be
// understood. The error is one that the files are not to blame for, or that
// nothing could be read.
func Read(ctx context.Context, s source.Service, commit Commit) (*Compose, error) {
	logrus.SetOutput(io.Discard) // the library writes there what is said here, with places
	c := &Compose{service: s.Name, limits: s.Limits, left: &left{files: maxFurther, probes: maxProbes}}
	given := s.Spec.Compose.Paths()
	for i, one := range given {
		at := s.Place("compose.file")
		if s.Spec.Compose.File == "" {
			at = s.Place(fmt.Sprintf("compose.files[%d]", i))
		}
		name, err := tree.Resolve(at, ".", one)
		if err != nil {
			return nil, err
		}
		data, err := commit.File(at, name)
		if err != nil {
			return nil, err
		}
		if err := c.add(name, data, len(given) > 1); err != nil {
			return nil, err
		}
	}
	if len(c.documents) == 0 {
		return nil, s.Place("compose.files").Refuse("all files are empty; a Compose file has services")
	}
	c.Dir = path.Dir(path.Clean(given[0]))
	if err := c.readVariables(s.Spec.Compose.Variables, commit); err != nil {
		return nil, err
	}
	return c, c.understand(ctx, commit)
}

// add takes a file's text apart. An empty one changes nothing where there are
// others.
func (c *Compose) add(name string, data []byte, others bool) error {
	documents, err := tree.Documents(name, data, c.limits)
	if err != nil {
		return err
	}
	switch empty := len(documents) == 0 || len(documents[0].Content) == 1 && documents[0].Content[0].Tag == "!!null"; {
	case empty && others:
		return nil
	case empty:
		return tree.Place{File: name}.Refuse("the file is empty; a Compose file has services")
	case len(documents) != 1 || len(documents[0].Content) != 1 || documents[0].Content[0].Kind != yaml.MappingNode:
		return tree.Place{File: name}.Refuse("a Compose file is one YAML mapping; it has services")
	}
	c.documents = append(c.documents, document{name: name, data: data, root: documents[0].Content[0]})
	return nil
}

// understand makes one project of the documents and of those that they refer
// to.
func (c *Compose) understand(ctx context.Context, commit Commit) error {
	c.checkVariables()
	var all []document
	for _, d := range c.documents {
		with, err := c.further(ctx, d, commit)
		if err != nil {
			return err
		}
		all = append(all, with...)
	}
	c.documents = all
	if c.Any() {
		c.locate(ctx)
		return nil
	}
	err := c.load(ctx)
	if err == nil {
		return nil
	}
	if c.locate(ctx); !c.Any() {
		c.Refuse(tree.Place{File: c.documents[0].name}, "%s; correct it", brief(err))
	}
	c.Project, c.Model = nil, nil
	return nil
}

// load merges the files.
func (c *Compose) load(ctx context.Context) error {
	details := types.ConfigDetails{WorkingDir: "/", Environment: types.Mapping(c.Variables).Clone()}
	for _, d := range c.documents {
		if d.config != nil || d.data != nil {
			details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: d.name, Content: d.data, Config: d.config})
		}
	}
	model, err := loader.LoadModelWithContext(ctx, details, c.closed)
	if err != nil {
		return err
	}
	if services, is := model["services"].(map[string]any); is {
		maps.DeleteFunc(services, func(name string, _ any) bool { return strings.HasPrefix(name, extended) })
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
