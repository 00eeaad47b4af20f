package helm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/ignore"

	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Source implements source.Source for the key helm.
type Source struct{ source.Concrete }

// References returns the chart and its values files.
func (Source) References(s source.Service) []source.Reference {
	references := []source.Reference{
		{Field: "helm.chart", Path: path.Join(s.Spec.Helm.Chart, "Chart.yaml"), Kind: source.File, Noun: "a chart's description"},
	}
	for i, values := range s.Spec.Helm.Values {
		references = append(references, source.Reference{Field: fmt.Sprintf("helm.values[%d]", i), Path: values, Kind: source.File, Noun: "a file with values"})
	}
	return references
}

// Collect reads the chart and its values files.
func (Source) Collect(ctx context.Context, r *tree.Reader, s source.Service) error {
	at := s.Place("helm.chart")
	chart, err := tree.Resolve(at, ".", s.Spec.Helm.Chart)
	if err != nil {
		return err
	}
	for _, ref := range s.Spec.Helm.Values {
		if err := collectValues(ctx, r, s.Place("helm.values"), ref); err != nil {
			return err
		}
	}
	c := &collector{reader: r, at: at, chart: chart}
	if c.rules, err = c.ignoreRules(ctx); err != nil {
		return err
	}
	return c.directory(ctx, chart, 1)
}

func collectValues(ctx context.Context, r *tree.Reader, at tree.Place, ref string) error {
	name, err := tree.Resolve(at, ".", ref)
	if err != nil {
		return err
	}
	data, err := r.File(ctx, at, name)
	if err != nil {
		return err
	}
	_, err = tree.Documents(name, data, r.Limits())
	return err
}

// collector reads the files of one chart.
type collector struct {
	reader *tree.Reader
	at     tree.Place
	chart  string
	rules  *ignore.Rules
}

func (c *collector) ignoreRules(ctx context.Context) (*ignore.Rules, error) {
	name := path.Join(c.chart, ignore.HelmIgnore)
	rules := ignore.Empty()
	if c.reader.Exists(name) {
		data, err := c.reader.File(ctx, c.at, name)
		if err != nil {
			return nil, err
		}
		if rules, err = ignore.Parse(bytes.NewReader(data)); err != nil {
			return nil, tree.Place{File: name}.Refuse("it can't be read: %v; correct the pattern", err)
		}
	}
	rules.AddDefaults()
	return rules, nil
}

// directory reads every file in dir and below that the chart doesn't ignore.
func (c *collector) directory(ctx context.Context, dir string, depth int) error {
	if err := c.reader.Visit(c.at, depth); err != nil {
		return err
	}
	entries, err := c.reader.Dir(ctx, c.at, dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name)
		if c.rules.Ignore(strings.TrimPrefix(name, c.chart+"/"), entryInfo{entry}) {
			continue
		}
		if entry.Mode.IsDir() {
			err = c.directory(ctx, name, depth+1)
		} else {
			err = c.file(ctx, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// file reads a file, and checks it where Helm reads it before any template
// runs.
func (c *collector) file(ctx context.Context, name string) error {
	data, err := c.reader.File(ctx, c.at, name)
	if err != nil {
		return err
	}
	switch path.Base(name) {
	case "Chart.yaml", "Chart.lock", "values.yaml", "requirements.yaml", "requirements.lock":
		_, err = tree.Documents(name, data, c.reader.Limits())
	case "values.schema.json":
		err = checkSchema(name, data)
	}
	return err
}

// checkSchema refuses references that a schema's validator would fetch.
func checkSchema(name string, data []byte) error {
	var schema any
	if err := json.Unmarshal(data, &schema); err != nil {
		return tree.Place{File: name}.Refuse("this is not JSON: %v; correct the syntax", err)
	}
	return eachReference(schema, func(key, ref string) error {
		switch {
		case key == "$schema" && drafts.MatchString(ref), key != "$schema" && strings.HasPrefix(ref, "#"):
			return nil
		case key == "$schema":
			return tree.Place{File: name, Field: key}.Refuse("%s is none of the drafts of JSON Schema, and nothing is downloaded; write http://json-schema.org/draft-07/schema#, say", tree.Quote(ref))
		}
		return tree.Place{File: name, Field: key}.Refuse("%s is outside the schema; copy the definition into it and refer to it as #/definitions/…", tree.Quote(ref))
	})
}

func eachReference(value any, visit func(key, ref string) error) error {
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			if err := visitReference(key, child, visit); err != nil {
				return err
			}
			if err := eachReference(child, visit); err != nil {
				return err
			}
		}
	case []any:
		for _, child := range value {
			if err := eachReference(child, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func visitReference(key string, value any, visit func(key, ref string) error) error {
	ref, ok := value.(string)
	if !ok || !slices.Contains([]string{"$schema", "$ref", "$dynamicRef", "$recursiveRef"}, key) {
		return nil
	}
	return visit(key, ref)
}

// drafts are the versions of JSON Schema that the validator knows itself.
var drafts = regexp.MustCompile(`^https?://json-schema\.org/(draft-0[467]/schema|draft/2019-09/schema|draft/2020-12/schema|schema)#?$`)

// checkSchemas refuses the same in what is known only once archives of the chart
// were unpacked.
func checkSchemas(c *chart.Chart, at string) error {
	if len(c.Schema) > 0 {
		if err := checkSchema(path.Join(at, "values.schema.json"), c.Schema); err != nil {
			return err
		}
	}
	for _, child := range c.Dependencies() {
		if err := checkSchemas(child, path.Join(at, "charts", child.Name())); err != nil {
			return err
		}
	}
	return nil
}

// entryInfo makes an entry what ignore rules look at.
type entryInfo struct{ entry tree.Entry }

func (e entryInfo) Name() string       { return e.entry.Name }
func (e entryInfo) Size() int64        { return 0 }
func (e entryInfo) Mode() fs.FileMode  { return e.entry.Mode }
func (e entryInfo) ModTime() time.Time { return time.Time{} }
func (e entryInfo) IsDir() bool        { return e.entry.Mode.IsDir() }
func (e entryInfo) Sys() any           { return nil }
