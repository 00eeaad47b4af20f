package helm

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
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
	ours, allowed := functions(), decided()
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
	for _, name := range []string{
		"now", "ago", "getHostByName", "randAlphaNum", "randAlpha", "randAscii", "randNumeric", "randBytes", "randInt", "shuffle", "uuidv4",
		"genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey", "htpasswd", "bcrypt", "encryptAES",
	} {
		if _, err := run(`{{ ` + name + ` }}`); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not refused: %v", name, err)
		}
	}
}

// run executes a template with the functions that charts have.
func run(chart string) (string, error) {
	known := sprig.TxtFuncMap()
	for name, function := range functions() {
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
			`{{ date "2006" "now" }}`:                                           "",
			`{{ date "2006" nil }}`:                                             "",
			`{{ date "2006" 1.5 }}`:                                             "",
			`{{ date "2006" (list 1) }}`:                                        "",
			`{{ date "2006" (dict) }}`:                                          "",
			`{{ date "2006" true }}`:                                            "",
			`{{ htmlDate "x" }}`:                                                "",
			`{{ htmlDateInZone "x" "UTC" }}`:                                    "",
			`{{ dateInZone "2006" "x" "UTC" }}`:                                 "",
			`{{ dateInZone "15:04" 0 "Local" }}`:                                "",
			`{{ dateInZone "15:04" 0 "Europe/Berlin" }}`:                        "",
			`{{ dateInZone "15:04" 0 "../../etc/passwd" }}`:                     "",
			`{{ htmlDateInZone 0 "Local" }}`:                                    "",
			`{{ durationRound .Now }}`:                                          "",
			`{{ ago .Now }}`:                                                    "",
			`{{ ago "x" }}`:                                                     "",
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
