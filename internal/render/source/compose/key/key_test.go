package key

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/types"
)

var update = flag.Bool("update", false, "write the table in docs/compose.md")

const document = "../../../../../docs/compose.md"

// TestDocumentHasTheTable holds docs/compose.md to the table.
func TestDocumentHasTheTable(t *testing.T) {
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(data), "\n| key of a service")
	want := strings.TrimRight(text, "\n") + "\n\n" + Document()
	if *update {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(data) != want {
		t.Errorf("%s doesn't have the table; run go test ./internal/render/source/compose/key -update", document)
	}
}

func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range All() {
		if seen[k.Path] {
			t.Errorf("%s is decided twice", k.Path)
		}
		seen[k.Path] = true
		if k.Treatment != inside && k.Text == "" {
			t.Errorf("%s has no reason", k.Path)
		}
		if parent := k.Path[:max(strings.LastIndexByte(k.Path, '.'), 0)]; parent != "" && k.Treatment != inside {
			for _, other := range All() {
				if other.Path == parent && other.Treatment != inside {
					t.Errorf("%s is decided below %s, which is decided as a whole", k.Path, parent)
				}
			}
		}
	}
}

// TestEveryKeyIsDecided walks the types of the library: a key that a newer one
// brings fails here until the table decides it.
func TestEveryKeyIsDecided(t *testing.T) {
	root := table()
	for _, path := range paths(reflect.TypeFor[types.Project](), nil, map[reflect.Type]bool{}, root) {
		t.Errorf("the table has no decision about %s", path)
	}
}

// paths returns the paths of keys without a decision.
func paths(of reflect.Type, path []string, above map[reflect.Type]bool, at *node) []string {
	switch {
	case at != nil && at.key != nil && at.key.Treatment != inside:
		return nil
	case of.Kind() == reflect.Pointer:
		return paths(of.Elem(), path, above, at)
	case len(path) > 0 && at == nil:
		return []string{strings.Join(path, ".")}
	}
	switch of.Kind() {
	case reflect.Map, reflect.Slice:
		if at.children["*"] != nil || len(path) == 1 {
			return paths(of.Elem(), append(path[:len(path):len(path)], "*"), above, at.child("*"))
		}
		return paths(of.Elem(), path, above, at)
	case reflect.Struct:
		if above[of] {
			return nil
		}
		above[of] = true
		defer delete(above, of)
		return pathsOfStruct(of, path, above, at)
	}
	return []string{strings.Join(path, ".")}
}

func pathsOfStruct(of reflect.Type, path []string, above map[reflect.Type]bool, at *node) []string {
	var found []string
	for field := range of.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case !field.IsExported() || name == "-" || name == "#extensions":
		case strings.Contains(options, "inline"):
			if field.Type.Kind() == reflect.Struct {
				found = append(found, paths(field.Type, path, above, at)...)
			}
		case len(path) == 0 && notInFiles(name):
		default:
			if name == "" {
				name = strings.ToLower(field.Name)
			}
			found = append(found, paths(field.Type, append(path[:len(path):len(path)], name), above, at.child(name))...)
		}
	}
	return found
}

// notInFiles are fields of the library's project that no file has.
func notInFiles(name string) bool {
	return name == "" || name == "x-#env" || name == "disabled_services"
}

// TestEveryKeyOfTheSpecificationIsDecided holds the table to the schema, too:
// it has keys that the library's types lack.
func TestEveryKeyOfTheSpecificationIsDecided(t *testing.T) {
	type definition struct {
		Properties map[string]any `json:"properties"`
	}
	var spec struct {
		definition
		Definitions map[string]definition `json:"definitions"`
		Defs        map[string]definition `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(schema.Schema), &spec); err != nil {
		t.Fatal(err)
	}
	root := table()
	if len(spec.Properties) < 5 {
		t.Fatalf("the schema has %d properties", len(spec.Properties))
	}
	for name := range spec.Properties {
		if root.children[name] == nil {
			t.Errorf("the table has no %s", name)
		}
	}
	services := root.child("services").child("*")
	for _, definitions := range []map[string]definition{spec.Definitions, spec.Defs} {
		for _, part := range []string{"service", "container_spec", "workload_spec"} {
			for name := range definitions[part].Properties {
				if services.children[name] == nil {
					t.Errorf("the table has no services.*.%s", name)
				}
			}
		}
	}
}
