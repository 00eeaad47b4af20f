package helm

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// helmFunctions reads the names that Helm's engine gives to functions of its own:
// keys of maps of functions, and what is assigned to such a map.
func helmFunctions(t *testing.T) []string {
	t.Helper()
	folder, err := exec.Command("go", "list", "-f", "{{.Dir}}", "helm.sh/helm/v4/pkg/engine").Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range []string{"funcs.go", "engine.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(folder)), file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if selector, ok := n.Type.(*ast.SelectorExpr); ok && selector.Sel.Name == "FuncMap" {
					for _, element := range n.Elts {
						names = append(names, text(element.(*ast.KeyValueExpr).Key))
					}
				}
			case *ast.IndexExpr:
				if of, ok := n.X.(*ast.Ident); ok && of.Name == "funcMap" {
					names = append(names, text(n.Index))
				}
			}
			return true
		})
	}
	return names
}

func text(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		return ""
	}
	name, _ := strconv.Unquote(literal.Value)
	return name
}

// TestEveryFunctionIsJudged walks the functions of all libraries: each is one that
// its arguments decide, one of ours, or refused.
func TestEveryFunctionIsJudged(t *testing.T) {
	ours, allowed := newGenerator().functions(), decided()
	own := helmFunctions(t)
	if len(own) < 20 || !slices.Contains(own, "tpl") || !slices.Contains(own, "toYaml") || !slices.Contains(own, "getHostByName") {
		t.Fatalf("found only %v of Helm's functions", own)
	}
	for _, name := range own {
		if _, replaced := ours[name]; !replaced && !slices.Contains(allowed, name) {
			t.Errorf("Helm's function %q is neither replaced nor in the list of those that are decided by their arguments", name)
		}
	}
	known := sprig.TxtFuncMap()
	for _, name := range absent() {
		if known[name] == nil || ours[name] != nil {
			t.Errorf("%q is not what Helm takes away", name)
		}
		delete(known, name)
	}
	for name := range known {
		if _, replaced := ours[name]; !replaced && !slices.Contains(allowed, name) {
			t.Errorf("Sprig's function %q is neither replaced nor allowed", name)
		}
	}
	for _, name := range sprigDecided() {
		if known[name] == nil {
			t.Errorf("%q is allowed, but no function of Sprig", name)
		}
	}
}

func newGenerator() *generator { return &generator{key: []byte("key")} }

// TestEveryFunctionThatDiffers calls each of them: random ones follow the key and
// nothing else, the others differ with the time and are noted.
func TestEveryFunctionThatDiffers(t *testing.T) {
	random := []string{
		`{{ randAlphaNum 12 }}`, `{{ randAlpha 12 }}`, `{{ randAscii 12 }}`, `{{ randNumeric 12 }}`, `{{ randBytes 12 }}`,
		`{{ randInt 0 1000000000 }}`, `{{ shuffle "abcdefghijklmnop" }}`, `{{ uuidv4 }}`,
	}
	timely := []string{
		`{{ now }}`, `{{ ago now }}`, `{{ now | date "2006" }}`, `{{ date "05" "x" }}`, `{{ date "05" nil }}`, `{{ date "05" 1.5 }}`, `{{ date "05" (list 1) }}`,
		`{{ htmlDate "x" }}`, `{{ htmlDateInZone "x" "UTC" }}`, `{{ dateInZone "05" "x" "UTC" }}`, `{{ durationRound .Now }}`, `{{ now | unixEpoch }}`,
		`{{ getHostByName "example.org" }}`, `{{ genPrivateKey "rsa" }}`, `{{ (genCA "a" 3).Cert }}`, `{{ (genCAWithKey "a" 3 "k").Key }}`,
		`{{ (genSelfSignedCert "a" nil nil 3).Key }}`, `{{ (genSelfSignedCertWithKey "a" nil nil 3 "k").Cert }}`,
		`{{ (genSignedCert "a" nil nil 3 (genCA "b" 3)).Cert }}`, `{{ (genSignedCertWithKey "a" nil nil 3 (genCA "b" 3) "k").Cert }}`,
		`{{ htpasswd "a" "b" }}`, `{{ bcrypt "a" }}`, `{{ encryptAES "a" "b" }}`,
	}
	called := map[string]bool{}
	for chart, differs := range both(random, timely) {
		one, err := runWith(newGenerator(), chart)
		again, _ := runWith(newGenerator(), chart)
		other, _ := runWith(&generator{key: []byte("other")}, chart)
		g := &generator{key: []byte("key"), later: true}
		later, _ := runWith(g, chart)
		if err != nil || one == "" || one != again {
			t.Errorf("%s gives %q, then %q: %v", chart, one, again, err)
		}
		if (other != one) == differs || (later != one) != differs {
			t.Errorf("%s gives %q, with another key %q, at another time %q", chart, one, other, later)
		}
		for _, name := range g.differing {
			called[name] = true
		}
		for _, c := range g.calls {
			called[c.function] = true
		}
	}
	ours := newGenerator()
	for _, list := range []template.FuncMap{ours.random(), ours.timely()} {
		for name := range list {
			if isDate := strings.Contains(strings.ToLower(name), "date"); !called[name] && !isDate {
				t.Errorf("no template here calls %s", name)
			}
		}
	}
}

// both returns templates, and whether they differ with the time.
func both(random, timely []string) map[string]bool {
	all := map[string]bool{}
	for _, chart := range random {
		all[chart] = false
	}
	for _, chart := range timely {
		all[chart] = true
	}
	return all
}

// Values have the form that Sprig gives them.
func TestRandomForms(t *testing.T) {
	for chart, form := range map[string]string{
		`{{ randAlphaNum 40 }}`:            `^[a-zA-Z0-9]{40}$`,
		`{{ randAlpha 40 }}`:               `^[a-zA-Z]{40}$`,
		`{{ randNumeric 40 }}`:             `^[0-9]{40}$`,
		`{{ randAscii 40 }}`:               `^[ -~]{40}$`,
		`{{ randBytes 6 }}`:                `^[a-zA-Z0-9+/]{8}$`,
		`{{ randInt 30 31 }}`:              `^30$`,
		`{{ randInt -5 0 }}`:               `^-[1-5]$`,
		`{{ shuffle "aaab" | len }}`:       `^4$`,
		`{{ randAlphaNum 0 }}`:             `^$`,
		`{{ randAlphaNum 1048576 | len }}`: `^1048576$`,
		`{{ uuidv4 }}`:                     `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
		`{{ add 1 (randInt 1 2) }}`:        `^2$`,
		`{{ randAlpha 3 | b64enc }}`:       `^[a-zA-Z0-9=]{4}$`,
		`{{ durationRound "26h" }}`:        `^1d$`,
		`{{ (genCA "a" 3).Cert | len}}`:    `^[0-9]+$`,
	} {
		if got, err := run(chart); err != nil || !regexp.MustCompile(form).MatchString(got) {
			t.Errorf("%s gives %q, %v; want %s", chart, got, err, form)
		}
	}
	for _, chart := range []string{`{{ randInt 3 3 }}`, `{{ randAlpha -1 }}`, `{{ randBytes 1048577 }}`, `{{ randAlphaNum 1048577 }}`} {
		if got, err := run(chart); err == nil {
			t.Errorf("%s gives %q, want an error", chart, got)
		}
	}
}

// run executes a template with the functions that charts have.
func run(chart string) (string, error) { return runWith(newGenerator(), chart) }

func runWith(g *generator, chart string) (string, error) {
	known := sprig.TxtFuncMap()
	for name, function := range g.functions() {
		known[name] = function
	}
	parsed, err := template.New("t").Funcs(known).Parse(chart)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, map[string]any{"Now": time.Now(), "Pointer": new(int)})
	return out.String(), err
}

// TestFunctionsOfDates gives them arguments of every type. What is accepted is the
// same on a machine in another time zone.
func TestFunctionsOfDates(t *testing.T) {
	home := time.Local
	defer func() { time.Local = home }()
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("far", 13*3600)} {
		time.Local = zone
		for chart, want := range map[string]string{
			`{{ date "2006-01-02 15:04" 86400 }}`:                               "1970-01-02 00:00",
			`{{ dateInZone "15:04" 0 "UTC" }}`:                                  "00:00",
			`{{ date_in_zone "15:04 MST" 0 "" }}`:                               "00:00 UTC",
			`{{ htmlDate 0 }}`:                                                  "1970-01-01",
			`{{ htmlDateInZone 0 "UTC" }}`:                                      "1970-01-01",
			`{{ toDate "2006-01-02" "2026-03-04" | unixEpoch }}`:                "1772582400",
			`{{ toDate "2006-01-02" "2026-03-04" | date "Jan 2" }}`:             "Mar 4",
			`{{ mustToDate "2006-01-02 15:04" "2026-03-04 23:30" | htmlDate }}`: "2026-03-04",
			`{{ toDate "2006" "nonsense" | htmlDate }}`:                         "0001-01-01",
			`{{ durationRound "26h" }}`:                                         "1d",
			`{{ durationRound (int64 3600000000001) }}`:                         "1h",
			`{{ duration "90" }}`:                                               "1m30s",
			`{{ printf "%05d %s %v %%p" 42 "x" 1.5 }}`:                          "00042 x 1.5 %p",
			`{{ date "2006" true }}`:                                            "2002",
			`{{ dateInZone "15:04" 0 "Local" }}`:                                "",
			`{{ dateInZone "15:04" 0 "Europe/Berlin" }}`:                        "",
			`{{ dateInZone "15:04" 0 "../../etc/passwd" }}`:                     "",
			`{{ htmlDateInZone 0 "Local" }}`:                                    "",
			`{{ printf "%p" .Pointer }}`:                                        "",
			`{{ printf "%s %+20.3p" "a" .Pointer }}`:                            "",
			`{{ printf "%[1]p" .Pointer }}`:                                     "",
			`{{ printf "%%%p" .Pointer }}`:                                      "",
		} {
			got, err := run(chart)
			if want == "" && err == nil || want != "" && (err != nil || got != want) {
				t.Errorf("in zone %s, %s gives %q, %v; want %q", zone, chart, got, err, want)
			}
		}
	}
}
