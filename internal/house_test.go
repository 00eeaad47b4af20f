package internal_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxFiles is how many product files a package has at most: one that grows
// beyond is two packages.
const maxFiles = 15

// sources returns the product files of every package of the repository, by
// folder: what git knows and hasn't ignored, without tests and generated code.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("git", "-C", "..", "ls-files", "--cached", "--others", "--exclude-standard", "*.go").Output()
	if err != nil {
		t.Fatalf("list files: %v", err)
	}
	all := map[string][]string{}
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		file := lines.Text()
		folder, name := filepath.Split(file)
		_, missing := os.Stat(filepath.Join("..", file))
		if missing != nil || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "zz_generated") || strings.Contains(folder, "testdata/") {
			continue
		}
		folder = strings.TrimSuffix(folder, "/")
		all[folder] = append(all[folder], file)
	}
	if len(all) < 50 {
		t.Fatalf("found only %d packages", len(all))
	}
	return all
}

func TestPackagesAreSmall(t *testing.T) {
	for folder, files := range sources(t) {
		if len(files) > maxFiles {
			t.Errorf("%s has %d product files; more than %d are two packages", folder, len(files), maxFiles)
		}
	}
}

// TestPackageComments wants the comment of every package in its doc.go and
// nowhere else. What the comment says must be true as far as that can be told:
// it doesn't name a room that its imports may not reach.
func TestPackageComments(t *testing.T) {
	for folder, files := range sources(t) {
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			name := parsed.Name.Name
			if name == "main" {
				continue
			}
			comment := parsed.Doc.Text()
			switch inDoc := filepath.Base(file) == "doc.go"; {
			case !inDoc && comment != "":
				t.Errorf("%s holds the package comment; it belongs into doc.go", file)
			case inDoc && !strings.HasPrefix(comment, "Package "+name+" "):
				t.Errorf("%s: the comment of package %s does not begin with its name", file, name)
			case inDoc:
				checkNamedRooms(t, folder, comment)
			}
		}
		if !slices.Contains(files, folder+"/doc.go") && !isMain(t, files[0]) {
			t.Errorf("%s has no doc.go that says what the room does and what it must not know", folder)
		}
	}
}

func isMain(t *testing.T, file string) bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Name.Name == "main"
}

// namedRoom finds rooms in a comment: a path, "package x", or a link [x].
var namedRoom = regexp.MustCompile(`internal/([a-z]+)|\bpackage ([a-z]+)|\[([a-z]+)(?:\.[A-Z]\w*)?\]`)

// checkNamedRooms refuses a comment that speaks of a room above its own: who
// uses a room is not the room's business.
func checkNamedRooms(t *testing.T, folder, comment string) {
	t.Helper()
	from, floor, known := room(module + folder)
	if !known {
		return
	}
	for _, found := range namedRoom.FindAllStringSubmatch(comment, -1) {
		name := "internal/" + found[1] + found[2] + found[3]
		if above, there := floors()[name]; there && name != from && above > floor {
			t.Errorf("%s/doc.go (floor %d) names %s (floor %d), a room that it may not know", folder, floor, name, above)
		}
	}
}

// listRooms are the rooms whose lists of our own objects are told by an index:
// a list over everything costs the more the more there is of it.
func listRooms() []string {
	return []string{"internal/controller", "internal/fastpath", "internal/target", "internal/repository", "internal/cluster", "internal/forge", "internal/notify", "internal/intake"}
}

// TestListsUseAnIndex refuses lists in reconcilers and what serves them that
// don't name an index field of the watch cache, or labels where the API server
// is asked. Listing helpers of room kube do.
func TestListsUseAnIndex(t *testing.T) {
	looked := 0
	for folder, files := range sources(t) {
		if isTestRoom(module+folder) || !slices.ContainsFunc(listRooms(), func(r string) bool { return folder == r || strings.HasPrefix(folder, r+"/") }) {
			continue
		}
		for _, file := range files {
			looked++
			positions := token.NewFileSet()
			parsed, err := parser.ParseFile(positions, filepath.Join("..", file), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range listCalls(parsed) {
				if !namesIndex(call) {
					t.Errorf("%s: this list reads everything there is; use a helper of room kube, or name an index with client.MatchingFields", positions.Position(call.Pos()))
				}
			}
		}
	}
	if looked < 20 {
		t.Errorf("looked at %d files only", looked)
	}
}

// listCalls returns the calls of a method List with a context, an object and
// options, as the client of controller-runtime has.
func listCalls(file *ast.File) []*ast.CallExpr {
	var calls []*ast.CallExpr
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if ok && selector.Sel.Name == "List" && len(call.Args) >= 2 && isAddress(call.Args[1]) {
			calls = append(calls, call)
		}
		return true
	})
	return calls
}

func isAddress(e ast.Expr) bool {
	unary, ok := e.(*ast.UnaryExpr)
	return ok && unary.Op == token.AND
}

func namesIndex(call *ast.CallExpr) bool {
	found := false
	for _, argument := range call.Args[2:] {
		ast.Inspect(argument, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"MatchingFields", "MatchingLabels"}, selector.Sel.Name) {
				found = true
			}
			return true
		})
	}
	return found
}

// maxLines is how long a product file is at most: a longer one is split by
// verb.
const maxLines = 400

func TestFilesAreShort(t *testing.T) {
	for _, files := range sources(t) {
		for _, file := range files {
			data, err := os.ReadFile(filepath.Join("..", file))
			if err != nil {
				t.Fatal(err)
			}
			if lines := strings.Count(string(data), "\n"); lines > maxLines {
				t.Errorf("%s has %d lines; more than %d are two files", file, lines, maxLines)
			}
		}
	}
}
