package v1alpha1_test

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const referenceFile = "../../../docs/custom-resources.md"

var update = flag.Bool("update", false, "write docs/custom-resources.md")

// docs/custom-resources.md says what the types and their definitions say, and
// every field has a description.
func TestReference(t *testing.T) {
	page := reference(t)
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "| `") && strings.HasSuffix(line, "|  |\n") {
			t.Errorf("a field has no comment: %s", line)
		}
	}
	if *update {
		if err := os.WriteFile(referenceFile, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(have), page); diff != "" {
		t.Errorf("docs/custom-resources.md is stale: run 'make generate' (-file +types):\n%s", diff)
	}
}

// reference returns the whole page.
func reference(t *testing.T) string {
	t.Helper()
	var page strings.Builder
	page.WriteString(`# Custom resources

Everything that Slipway knows is in these objects of the group ` + "`slipway.dev/v1alpha1`" + `. People write Organizations, Clusters and Projects; Slipway makes Stages,
Releases and Deliveries. This page is made from the types in [internal/api/v1alpha1](../internal/api/v1alpha1) (` + "`make generate`" + `).

A *required* field must be set wherever the object around it is. In a field's path ` + "`[]`" + ` stands for each entry of a list and ` + "`{}`" + ` for each
value of a map.
`)
	for _, definition := range definitions(t) {
		writeKind(&page, definition)
	}
	writeConditions(t, &page)
	return page.String()
}

// definitions reads the definitions that the chart installs, in the order in
// which people meet them.
func definitions(t *testing.T) []apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	files, err := filepath.Glob("../../../charts/slipway/files/crds/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("definitions: %v, %v", files, err)
	}
	all := make([]apiextensionsv1.CustomResourceDefinition, len(files))
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict(data, &all[i]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	order := []string{"Organization", "Cluster", "Project", "Stage", "Release", "Delivery"}
	place := func(d apiextensionsv1.CustomResourceDefinition) int {
		if i := slices.Index(order, d.Spec.Names.Kind); i >= 0 {
			return i
		}
		return len(order) // a new kind comes last
	}
	slices.SortStableFunc(all, func(a, b apiextensionsv1.CustomResourceDefinition) int { return cmp.Compare(place(a), place(b)) })
	return all
}

func writeKind(page *strings.Builder, definition apiextensionsv1.CustomResourceDefinition) {
	names, version := definition.Spec.Names, definition.Spec.Versions[0]
	schema := version.Schema.OpenAPIV3Schema
	fmt.Fprintf(page, "\n## %s\n\n%s\n\n", names.Kind, sentence(schema.Description))
	where := "in the organization's namespace"
	if definition.Spec.Scope == apiextensionsv1.ClusterScoped {
		where = "cluster-scoped"
	}
	fmt.Fprintf(page, "`kubectl get %s`, or `%s` for short; %s.\n", names.Plural, strings.Join(names.ShortNames, "`, `"), where)
	for _, rule := range rules(schema) {
		fmt.Fprintf(page, "Checked by the API server: %s.\n", rule)
	}
	page.WriteString("\n| field | type | required | description |\n|---|---|---|---|\n")
	for _, part := range []string{"spec", "status"} {
		if properties, found := schema.Properties[part]; found {
			writeFields(page, part, &properties)
		}
	}
}

// writeFields writes a line for each field below an object, and for the fields
// below those.
func writeFields(page *strings.Builder, path string, object *apiextensionsv1.JSONSchemaProps) {
	for _, name := range slices.Sorted(maps.Keys(object.Properties)) {
		field := object.Properties[name]
		required := ""
		if slices.Contains(object.Required, name) {
			required = "yes"
		}
		at := path + "." + name
		fmt.Fprintf(page, "| `%s` | %s | %s | %s |\n", at, typeOf(&field), required, description(name, &field))
		if below, suffix := inner(&field); below != nil && name != "conditions" {
			writeFields(page, at+suffix, below)
		}
	}
}

// inner returns the object that a field holds, nil for plain values.
func inner(field *apiextensionsv1.JSONSchemaProps) (object *apiextensionsv1.JSONSchemaProps, suffix string) {
	switch {
	case field.Items != nil:
		object, suffix = field.Items.Schema, "[]"
	case field.AdditionalProperties != nil:
		object, suffix = field.AdditionalProperties.Schema, "{}"
	default:
		object = field
	}
	if object == nil || len(object.Properties) == 0 {
		return nil, ""
	}
	return object, suffix
}

func typeOf(field *apiextensionsv1.JSONSchemaProps) string {
	switch {
	case field.Items != nil && field.Items.Schema != nil:
		return "list of " + typeOf(field.Items.Schema)
	case field.AdditionalProperties != nil && field.AdditionalProperties.Schema != nil:
		return "map of " + typeOf(field.AdditionalProperties.Schema)
	case field.Type == "":
		return "any"
	case field.Format == "date-time":
		return "time"
	}
	return field.Type
}

// description is what the type's comment says, followed by what the API server
// checks.
func description(name string, field *apiextensionsv1.JSONSchemaProps) string {
	parts := []string{}
	if text := sentence(field.Description); name == "conditions" {
		parts = append(parts, "See [conditions](#conditions).")
	} else if text != "" {
		first, rest, _ := strings.Cut(text, " ")
		if strings.EqualFold(first, name) {
			text = "`" + name + "` " + rest
		}
		parts = append(parts, text)
	}
	return strings.Join(append(parts, checks(field)...), " ")
}

// checks says what the API server accepts in a field.
func checks(field *apiextensionsv1.JSONSchemaProps) []string {
	said := []string{}
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	value := field
	if field.Items != nil && field.Items.Schema != nil {
		value = field.Items.Schema
	}
	if len(value.Enum) > 0 {
		values := make([]string, len(value.Enum))
		for i, v := range value.Enum {
			values[i] = strings.Trim(string(v.Raw), `"`)
		}
		say("One of `%s`.", strings.Join(values, "`, `"))
	}
	if field.Default != nil {
		say("Default `%s`.", strings.Trim(string(field.Default.Raw), `"`))
	}
	if value.Pattern != "" {
		say("Matches `%s`.", strings.ReplaceAll(value.Pattern, "|", `\|`))
	}
	for _, bound := range []struct {
		least, most *int64
		what        string
	}{
		{value.MinLength, value.MaxLength, "characters"},
		{field.MinItems, field.MaxItems, "entries"},
		{field.MinProperties, field.MaxProperties, "entries"},
	} {
		switch {
		case bound.least != nil && bound.most != nil:
			say("%d to %d %s.", *bound.least, *bound.most, bound.what)
		case bound.most != nil:
			say("At most %d %s.", *bound.most, bound.what)
		case bound.least != nil && *bound.least == 1:
			say("Not empty.")
		case bound.least != nil:
			say("At least %d %s.", *bound.least, bound.what)
		}
	}
	if value.Minimum != nil && value.Maximum != nil {
		say("From %s to %s.", strconv.FormatFloat(*value.Minimum, 'f', -1, 64), strconv.FormatFloat(*value.Maximum, 'f', -1, 64))
	}
	for _, rule := range rules(value) {
		say("Checked: %s.", rule)
	}
	return said
}

// rules returns what an object's validation rules say to people.
func rules(object *apiextensionsv1.JSONSchemaProps) []string {
	said := []string{}
	for _, rule := range object.XValidations {
		said = append(said, sentence(rule.Message))
	}
	return said
}

var generated = regexp.MustCompile(`<[a-z-]+>`)

// sentence makes one line of a comment that stands in a table.
func sentence(comment string) string {
	line := strings.ReplaceAll(strings.Join(strings.Fields(comment), " "), "|", `\|`)
	return generated.ReplaceAllStringFunc(line, func(name string) string { return "&lt;" + name[1:len(name)-1] + "&gt;" })
}

// writeConditions lists the types of conditions with their comments.
func writeConditions(t *testing.T, page *strings.Builder) {
	t.Helper()
	page.WriteString("\n## Conditions\n\nConditions have the form that Kubernetes gives them: type, status, reason, message, `observedGeneration`, `lastTransitionTime`.\n\n| type | means |\n|---|---|\n")
	all := map[string]string{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, isValue := n.(*ast.ValueSpec); isValue {
				condition(spec, all)
			}
			return true
		})
	}
	if len(all) == 0 {
		t.Fatal("no condition types were found")
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(page, "| `%s` | %s |\n", name, all[name])
	}
}

// condition notes a constant that is the type of a condition.
func condition(spec *ast.ValueSpec, all map[string]string) {
	constant := spec.Names[0].Name
	if !strings.HasPrefix(constant, "Condition") || len(spec.Values) != 1 {
		return
	}
	literal, isLiteral := spec.Values[0].(*ast.BasicLit)
	if !isLiteral {
		return
	}
	value := strings.Trim(literal.Value, `"`)
	text := strings.TrimPrefix(sentence(spec.Doc.Text()), constant+" ")
	all[value] = strings.ToUpper(text[:1]) + text[1:]
}
