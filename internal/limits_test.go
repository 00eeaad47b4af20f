package internal_test

import (
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
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
)

var update = flag.Bool("update", false, "write the documents that are made from code")

// limitName is what a constant is called that bounds something.
var limitName = regexp.MustCompile(`^[mM]ax[A-Z]|[lL]imit$|Bytes$|Timeout$`)

// declared are the limits of the product with their values, by PACKAGE.NAME: constants
// that are called so, and the fields of a type Limits, PACKAGE.Limits.FIELD, by what
// gives them their usual values.
type declared map[string]int64

// limitsOfCode reads the product's sources.
func limitsOfCode(t *testing.T) declared {
	t.Helper()
	found := declared{}
	constants := map[string]ast.Expr{}
	for folder, files := range sources(t) {
		if !isProduct(folder) {
			continue
		}
		room := strings.TrimPrefix(folder, "internal/")
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					for i, name := range n.Names {
						if i < len(n.Values) {
							constants[room+"."+name.Name] = n.Values[i]
						}
					}
				case *ast.CompositeLit:
					fieldsOf(constants, room+".", n)
				case *ast.AssignStmt:
					if at, is := n.Lhs[0].(*ast.SelectorExpr); is && fmt.Sprint(at.X) == "l" && n.Tok == token.ASSIGN {
						constants[room+".Limits."+at.Sel.Name] = n.Rhs[0]
					}
				}
				return true
			})
		}
	}
	for name, expression := range constants {
		room, short, _ := strings.Cut(name, ".")
		if !limitName.MatchString(short) && !strings.Contains(short, "Limits.") {
			continue
		}
		if value, known := valueOf(constants, room, expression); known {
			found[name] = value
		}
	}
	return found
}

// fieldsOf records the fields of a literal of a type Limits, and of those in it.
func fieldsOf(constants map[string]ast.Expr, prefix string, literal *ast.CompositeLit) {
	of, is := literal.Type.(*ast.Ident)
	if !is || !strings.HasSuffix(of.Name, "Limits") {
		return
	}
	for _, element := range literal.Elts {
		if pair, is := element.(*ast.KeyValueExpr); is {
			constants[fmt.Sprint(prefix, of.Name, ".", pair.Key)] = pair.Value
		}
	}
}

// valueOf evaluates an expression of constants; durations are in nanoseconds.
func valueOf(constants map[string]ast.Expr, room string, expression ast.Expr) (int64, bool) {
	switch e := expression.(type) {
	case *ast.BasicLit:
		value, err := strconv.ParseInt(e.Value, 0, 64)
		return value, err == nil
	case *ast.ParenExpr:
		return valueOf(constants, room, e.X)
	case *ast.Ident:
		if of, known := constants[room+"."+e.Name]; known {
			return valueOf(constants, room, of)
		}
	case *ast.CallExpr: // int64(1)
		if len(e.Args) == 1 {
			return valueOf(constants, room, e.Args[0])
		}
	case *ast.SelectorExpr:
		if units := map[string]time.Duration{"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute, "Hour": time.Hour}; fmt.Sprint(e.X) == "time" {
			return int64(units[e.Sel.Name]), true
		}
		for name, of := range constants {
			if strings.HasSuffix(name, fmt.Sprint("/", e.X, ".", e.Sel.Name)) {
				return valueOf(constants, strings.Split(name, ".")[0], of)
			}
		}
	case *ast.BinaryExpr:
		a, known := valueOf(constants, room, e.X)
		b, alsoKnown := valueOf(constants, room, e.Y)
		switch e.Op {
		case token.ADD:
			a += b
		case token.SUB:
			a -= b
		case token.MUL:
			a *= b
		case token.QUO:
			a /= max(b, 1)
		case token.SHL:
			a <<= b
		default:
			known = false
		}
		return a, known && alsoKnown
	}
	return 0, false
}

// Every limit of the code has one row, and every row a limit.
func TestEveryLimitHasARow(t *testing.T) {
	code, table := limitsOfCode(t), limits()
	if len(code) < 150 {
		t.Fatalf("found only %d limits", len(code))
	}
	for name, value := range code {
		if _, listed := table[name]; !listed && inner()[name] == "" {
			t.Errorf("%s = %d has no row in limits(), and no word in inner()", name, value)
		}
	}
	for name, row := range table {
		if _, exists := code[name]; !exists {
			t.Errorf("limits() has a row for %s, which the code doesn't have", name)
		}
		if row.reach == nil && row.shown == "" {
			t.Errorf("%s: nothing reaches it; give a function, or the test that does", name)
		}
		if room, test, named := strings.Cut(row.shown, ":"); named && !hasTest(t, room, test) {
			t.Errorf("%s: internal/%s has no test %s", name, room, test)
		}
	}
	for name := range inner() {
		if _, exists := code[name]; !exists {
			t.Errorf("inner() speaks of %s, which the code doesn't have", name)
		}
	}
}

// hasTest reports whether a folder has a test.
func hasTest(t *testing.T, room, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(room, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "func "+name+"(")
	})
}

// What is as large as a limit passes, and what is one larger is refused, in words that
// say what was met.
func TestLimitsAreReached(t *testing.T) {
	code := limitsOfCode(t)
	reached := 0
	for _, name := range slices.Sorted(maps.Keys(limits())) {
		row := limits()[name]
		if row.reach == nil {
			continue
		}
		reached++
		t.Run(name, func(t *testing.T) {
			most := int(code[name])
			if err := row.reach(most); err != nil {
				t.Errorf("%d is refused: %v", most, clipped(err))
			}
			err := row.reach(most + 1)
			if err == nil {
				t.Fatalf("%d passes", most+1)
			}
			if code := fault.CodeOf(err); code != fault.Invalid && code != fault.Internal {
				t.Errorf("the refusal has the code %s", code)
			}
			if text := err.Error(); !slices.ContainsFunc(spellings(int64(most)), func(s string) bool { return strings.Contains(text, s) }) {
				t.Errorf("%v\ndoes not say that the limit is %d", clipped(err), most)
			}
		})
	}
	if reached < 30 {
		t.Errorf("only %d limits are reached", reached)
	}
}

func clipped(err error) string { return fmt.Sprintf("%.500s", err.Error()) }

// spellings are the ways to write a limit.
func spellings(n int64) []string {
	all := []string{strconv.FormatInt(n, 10), grouped(n)}
	for _, shift := range []int{10, 20, 30} {
		if n>>shift<<shift == n {
			all = append(all, strconv.FormatInt(n>>shift, 10))
		}
	}
	return all
}

// docs/limits.md is what the table and the code say.
func TestLimitsPage(t *testing.T) {
	const page = "../docs/limits.md"
	want := limitsPage(limitsOfCode(t))
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(have)); diff != "" {
		t.Errorf("docs/limits.md is not what the table says; run the tests of this package with -update (-want +have):\n%s", diff)
	}
}

func limitsPage(code declared) string {
	var page strings.Builder
	page.WriteString(limitsHead)
	for _, group := range groups() {
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\n| what | at most | beyond it |\n|---|---|---|\n", group.title, group.about)
		table := limits()
		names := slices.DeleteFunc(slices.Collect(maps.Keys(table)), func(name string) bool { return table[name].group != group.title })
		slices.SortFunc(names, func(a, b string) int { return strings.Compare(table[a].what, table[b].what) })
		for _, name := range names {
			row := table[name]
			beyond := row.beyond
			if beyond == "" {
				beyond = "refused"
			}
			fmt.Fprintf(&page, "| %s | %s | %s |\n", row.what, inUnits(name, row.unit, code[name]), beyond)
		}
	}
	return page.String()
}

// inUnits writes a limit for people.
func inUnits(name, unit string, n int64) string {
	switch {
	case unit == "time":
		d := time.Duration(n)
		switch {
		case d >= 48*time.Hour:
			return fmt.Sprintf("%d days", d/(24*time.Hour))
		case d%time.Hour == 0:
			return fmt.Sprintf("%d h", d/time.Hour)
		case d%time.Minute == 0:
			return fmt.Sprintf("%d min", d/time.Minute)
		case d%time.Second == 0:
			return fmt.Sprintf("%d s", d/time.Second)
		}
		return d.String()
	case unit != "" && unit != "bytes":
		return grouped(n) + " " + unit
	case unit == "":
		return grouped(n)
	case n >= 1<<30 && n%(1<<30) == 0:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return grouped(n) + " bytes"
}

// grouped writes a number with a comma between thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
