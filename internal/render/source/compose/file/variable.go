package file

import (
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/consts"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// envFile is read beside the first Compose file, as every Compose does.
const envFile = ".env"

// readVariables takes the values of variables from the committed .env file,
// and over them those of slipway.yaml.
func (c *Compose) readVariables(given map[string]string, commit Commit) error {
	c.Variables = map[string]string{"PWD": "."}
	name := path.Join(c.Dir, envFile)
	at := tree.Place{File: name}
	if kind, err := commit.Look(at, name); err != nil || kind != RegularFile {
		maps.Copy(c.Variables, given)
		return err
	}
	data, err := commit.File(at, name)
	if err != nil {
		return err
	}
	values, err := dotenv.UnmarshalBytesWithLookup(data, func(name string) (string, bool) { value, known := given[name]; return value, known })
	if err != nil {
		return at.Refuse("it can't be read: %s; write lines like NAME=value", brief(err))
	}
	maps.Copy(c.Variables, values)
	maps.Copy(c.Variables, given)
	return nil
}

// checkVariables finds variables without a value in every string of the files:
// those that must have one are errors, others are empty, as in Compose, which
// is said.
func (c *Compose) checkVariables() {
	for _, d := range c.documents {
		c.eachString(d, d.root, nil, func(at tree.Place, text string) {
			required, empty := c.missing(text)
			for _, missing := range required {
				c.Refuse(at, "${%s} must have a value and has none%s; %s", missing.Variable, reason(missing.Reason), c.remedy())
			}
			for _, name := range empty {
				c.noteEmpty(at, name)
				c.Warn(at, "${%s} has no value, so it is empty; write ${%s:-value}, or %s", name, name, c.remedy())
			}
		})
	}
}

func (c *Compose) noteEmpty(at tree.Place, name string) {
	if c.empty == nil {
		c.empty = map[tree.Place][]string{}
	}
	line := tree.Place{File: at.File, Line: at.Line}
	c.empty[line] = append(c.empty[line], name)
}

// reason is what the file says of a variable that must have a value.
func reason(text string) string {
	if text == "" {
		return ""
	}
	return " (" + strings.Trim(tree.Quote(text), `"`) + ")"
}

func (c *Compose) remedy() string {
	return "give it a value in services." + c.service + ".compose.variables of slipway.yaml, or in a committed " + path.Join(c.Dir, envFile)
}

// missing returns the variables of a string that have no value: those that
// must have one, with what the file says of them, and those that are empty
// then. Defaults that are not used don't count.
func (c *Compose) missing(text string) (required []template.MissingRequiredError, empty []string) {
	if !strings.Contains(text, "$") {
		return nil, nil
	}
	assumed := map[string]bool{}
	lookup := func(name string) (string, bool) {
		value, known := c.lookup(name)
		switch {
		case assumed[name]:
			return "assumed", true
		case !known && !withOperator(text, name) && !slices.Contains(empty, name):
			empty = append(empty, name)
		}
		return value, known
	}
	for {
		_, err := substitute(text, lookup)
		var one *template.MissingRequiredError
		if !errors.As(err, &one) || assumed[one.Variable] {
			return required, empty
		}
		assumed[one.Variable] = true
		required = append(required, *one)
	}
}

// lookup returns the value of a variable.
func (c *Compose) lookup(name string) (string, bool) {
	if name == consts.ComposeProjectName {
		return c.service, true
	}
	value, known := c.Variables[name]
	return value, known
}

// withOperator reports whether a string says what is to happen when the
// variable has no value.
func withOperator(text, name string) bool {
	for _, operator := range []string{":-", "-", ":+", "+", ":?", "?"} {
		if strings.Contains(text, "{"+name+operator) {
			return true
		}
	}
	return false
}

// substitute is Compose's own, without its logger.
func substitute(text string, mapping template.Mapping) (string, error) {
	return template.SubstituteWithOptions(text, mapping, template.WithoutLogging)
}

// eachString visits the values of a document that are strings.
func (c *Compose) eachString(d document, node *yaml.Node, path []string, visit func(tree.Place, string)) {
	switch node.Kind {
	case yaml.ScalarNode:
		visit(tree.Place{File: d.name, Line: node.Line, Field: strings.Join(path, ".")}, node.Value)
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := node.Content[i].Value
			if len(path) == 0 && strings.HasPrefix(name, "x-") {
				continue // what is used of it is where it is used
			}
			c.eachString(d, node.Content[i+1], append(slices.Clone(path), name), visit)
		}
	case yaml.SequenceNode:
		for _, item := range node.Content {
			c.eachString(d, item, path, visit)
		}
	case yaml.AliasNode:
		c.eachString(d, node.Alias, path, visit)
	}
}
