package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

const glossary = "../docs/glossary.md"

// exported is a name that other packages see.
type exported struct {
	name     string // package.Type, package.Type.Field, package.Function
	position string
}

// allowed returns the exported names that use a word of the glossary's left
// column, each with the reason: as package.Type.Field, or as the bare name when
// the reason holds wherever it stands.
func allowed() map[string]string {
	return map[string]string{
		"Manager":        "Kubernetes calls who owns fields a field manager",
		"FieldManager":   "Kubernetes calls who owns fields a field manager",
		"scm.App":        "GitHub's own name for what logs in as an app",
		"scm.Access.App": "GitHub's own name for what logs in as an app",
	}
}

// badPackages are names that say nothing of what is in a package.
func badPackages() []string {
	return []string{"app", "base", "common", "helper", "helpers", "manager", "types", "util", "utils"}
}

// tables returns the rows of the glossary's two tables.
func tables(t *testing.T) (words, banned [][]string) {
	t.Helper()
	page, err := os.ReadFile(glossary)
	if err != nil {
		t.Fatal(err)
	}
	first, second, found := strings.Cut(string(page), "\n## Not these\n")
	if !found {
		t.Fatal("the glossary has no section \"Not these\"")
	}
	return rows(first), rows(second)
}

// rows returns the cells of a table's lines, without its head.
func rows(page string) [][]string {
	var all [][]string
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| word |") || strings.HasPrefix(line, "| not |") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		all = append(all, cells)
	}
	return all
}

var code = regexp.MustCompile("`([^`]+)`")

// Every kind of the custom resources is a word of the glossary, no word stands
// there twice, and every type that it names exists.
func TestGlossaryNamesTheTypes(t *testing.T) {
	names := map[string]bool{}
	for _, one := range exportedNames(t) {
		names[one.name] = true
	}
	words, _ := tables(t)
	have := map[string]bool{}
	for _, row := range words {
		for word := range strings.SplitSeq(row[0], ", ") {
			if have[word] {
				t.Errorf("%q is in the glossary twice", word)
			}
			have[word] = true
		}
		for _, match := range code.FindAllStringSubmatch(row[2], -1) {
			if !names[match[1]] {
				t.Errorf("the glossary says that %q is %s, which does not exist", row[0], match[1])
			}
		}
	}
	for _, kind := range kinds(t) {
		if !have[kind] {
			t.Errorf("the kind %s is not in the glossary", kind)
		}
	}
}

// No exported name uses a word that the glossary has another word for.
func TestNamesAreOfTheGlossary(t *testing.T) {
	_, rows := tables(t)
	instead := map[string]string{}
	for _, row := range rows {
		for _, match := range code.FindAllStringSubmatch(row[0], -1) {
			if first := rune(match[1][0]); unicode.IsUpper(first) {
				instead[match[1]] = row[1]
			}
		}
	}
	if len(instead) < 20 {
		t.Fatalf("only %d words are banned", len(instead))
	}
	used := map[string]bool{}
	for _, one := range exportedNames(t) {
		last := one.name[strings.LastIndex(one.name, ".")+1:]
		for _, word := range camelWords(last) {
			if instead[word] == "" {
				continue
			}
			if allowed()[one.name] == "" && allowed()[last] == "" {
				t.Errorf("%s: %s has the word %q; the glossary says: %s", one.position, one.name, word, instead[word])
			}
			used[one.name], used[last] = true, true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(allowed())) {
		if !used[name] {
			t.Errorf("%s needs no exception", name)
		}
	}
}

func TestPackagesSayWhatTheyHold(t *testing.T) {
	for folder := range sources(t) {
		if name := filepath.Base(folder); slices.Contains(badPackages(), name) {
			t.Errorf("%s: %q says nothing of what is in the package", folder, name)
		}
	}
}

// camelWords splits a name into its words; letters that stand for words, as in
// HTTPServer, stay together.
func camelWords(name string) []string {
	var words []string
	letters := []rune(name)
	for i, start := 1, 0; i <= len(letters); i++ {
		end := i == len(letters)
		if !end {
			starts := unicode.IsUpper(letters[i])
			inside := unicode.IsUpper(letters[i-1]) && (i+1 == len(letters) || !unicode.IsLower(letters[i+1]))
			end = starts && !inside || letters[i] == '_'
		}
		if end {
			words = append(words, strings.Trim(string(letters[start:i]), "_"))
			start = i
		}
	}
	return words
}

func TestCamelWords(t *testing.T) {
	for name, want := range map[string][]string{
		"FastHandoff":    {"Fast", "Handoff"},
		"HTTPServer":     {"HTTP", "Server"},
		"Site":           {"Site"},
		"Oversite":       {"Oversite"},
		"URLOf":          {"URL", "Of"},
		"ConditionReady": {"Condition", "Ready"},
	} {
		if got := camelWords(name); !slices.Equal(got, want) {
			t.Errorf("%s has the words %v, want %v", name, got, want)
		}
	}
}

// exportedNames returns what the product packages of the module export.
func exportedNames(t *testing.T) []exported {
	t.Helper()
	var all []exported
	for folder, files := range sources(t) {
		if !strings.HasPrefix(folder, "internal/") && folder != "templates" || isTestRoom(module+folder) {
			continue
		}
		for _, file := range files {
			positions := token.NewFileSet()
			parsed, err := parser.ParseFile(positions, filepath.Join("..", file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			add := func(name string, at token.Pos) {
				if last := name[strings.LastIndex(name, ".")+1:]; ast.IsExported(last) {
					all = append(all, exported{name: parsed.Name.Name + "." + name, position: strings.TrimPrefix(positions.Position(at).String(), "../")})
				}
			}
			for _, declaration := range parsed.Decls {
				eachName(declaration, add)
			}
		}
	}
	return all
}

// eachName calls add for what a declaration declares: types with their fields
// and methods, functions, constants and variables.
func eachName(declaration ast.Decl, add func(name string, at token.Pos)) {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		name := d.Name.Name
		if d.Recv != nil {
			receiver := receiverOf(d.Recv.List[0].Type)
			if !ast.IsExported(receiver) {
				return
			}
			name = receiver + "." + name
		}
		add(name, d.Pos())
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					add(name.Name, name.Pos())
				}
			case *ast.TypeSpec:
				add(s.Name.Name, s.Pos())
				if ast.IsExported(s.Name.Name) {
					eachField(s, add)
				}
			}
		}
	}
}

// eachField calls add for the fields of a struct and the methods of an interface.
func eachField(spec *ast.TypeSpec, add func(name string, at token.Pos)) {
	var fields *ast.FieldList
	switch shape := spec.Type.(type) {
	case *ast.StructType:
		fields = shape.Fields
	case *ast.InterfaceType:
		fields = shape.Methods
	default:
		return
	}
	for _, field := range fields.List {
		for _, name := range field.Names {
			add(spec.Name.Name+"."+name.Name, name.Pos())
		}
	}
}

func receiverOf(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.StarExpr:
		return receiverOf(e.X)
	case *ast.IndexExpr:
		return receiverOf(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// kinds returns the kinds of the custom resources: the types that the API
// server knows as roots, without their lists.
func kinds(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("api/v1alpha1/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("types: %v, %v", files, err)
	}
	root := regexp.MustCompile(`(?s)\+kubebuilder:object:root=true\n(?://[^\n]*\n)*type (\w+) struct`)
	var found []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range root.FindAllStringSubmatch(string(data), -1) {
			if !strings.HasSuffix(match[1], "List") {
				found = append(found, match[1])
			}
		}
	}
	if len(found) < 6 {
		t.Fatalf("found only the kinds %v", found)
	}
	return found
}
