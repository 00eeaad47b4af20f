package projectfile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

func parsed(t testing.TB, name string) *Document {
	t.Helper()
	doc, err := Parse("slipway.yaml", testdata(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestEffective(t *testing.T) {
	doc := parsed(t, "overrides.yaml")
	web := project.Service{
		Build: &project.Build{Context: ".", Dockerfile: "Dockerfile", Args: map[string]string{"A": "1"}},
		Port:  8080, Routes: []project.Route{{Path: "/"}},
		Health: &project.Health{Path: "/healthz", InitialDelay: 5},
		Env:    map[string]string{"LOG_LEVEL": "info", "DEBUG": "1"},
		Scale:  &project.Scale{Min: 1, Max: 2, CPU: 80},
	}
	production := web
	production.Build = &project.Build{Context: ".", Dockerfile: "Dockerfile", Target: "release", Args: map[string]string{"A": "1", "B": "2"}}
	production.Env = map[string]string{"LOG_LEVEL": "warn"}
	production.Health = &project.Health{Command: []string{"./health"}, InitialDelay: 5}
	production.Scale = &project.Scale{Min: 2, Max: 4, CPU: 80}
	production.Routes = []project.Route{{Path: "/"}, {Path: "/shop"}}
	staging := web
	staging.Scale = &project.Scale{Min: 1}
	staging.Routes = nil
	db := project.Service{Template: "postgres", With: project.Parameters{"version": "16", "storage": "5Gi", "extensions": []any{"a", "b"}}, Scale: &project.Scale{Min: 1}}
	bigDB := db
	bigDB.With = project.Parameters{"version": "16", "storage": "50Gi"}

	tests := map[string]struct{ web, db project.Service }{
		"":           {web, db},
		"elsewhere":  {web, db},
		"production": {production, bigDB},
		"staging":    {staging, db},
	}
	for rule, want := range tests {
		t.Run("stage "+rule, func(t *testing.T) {
			got := doc.Effective(rule)
			if diff := cmp.Diff(want.web, got["web"], cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("web (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want.db, got["db"]); diff != "" {
				t.Errorf("db (-want +got):\n%s", diff)
			}
			if len(got) != 3 {
				t.Errorf("%d services", len(got))
			}
		})
	}
}

func TestEffectiveLeavesTheDocumentAlone(t *testing.T) {
	doc := parsed(t, "overrides.yaml")
	before := fmt.Sprint(doc.Explain("staging"))
	changed := doc.Effective("production")["web"]
	changed.Env["LOG_LEVEL"] = "changed"
	changed.Routes[0].Path = "/changed"
	changed.Build.Args["A"] = "changed"
	if got := doc.Effective("staging")["web"]; got.Env["LOG_LEVEL"] != "info" || got.Build.Args["A"] != "1" {
		t.Errorf("a stage's values leaked into another's: %v", got)
	}
	if after := fmt.Sprint(doc.Explain("staging")); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
}

func TestDefaults(t *testing.T) {
	file := fileWith(map[string]string{
		"previews": "previews: {from: staging}\n",
		"services": "services:\n  job: {image: \"a:1\", schedule: \"0 3 * * *\"}\n  chart: {helm: {chart: a}}\n  zero: {image: \"a:1\", scale: {min: 0}}\n",
	})
	doc, err := Parse("slipway.yaml", file)
	if err != nil {
		t.Fatal(err)
	}
	want := &project.Previews{From: "staging", Forks: "approve", Limit: 10, TTL: "72h"}
	if diff := cmp.Diff(want, doc.File.Previews); diff != "" {
		t.Errorf("previews (-want +got):\n%s", diff)
	}
	rules := map[string]string{}
	for _, s := range doc.File.Stages {
		rules[s.Name] = s.OnDelete + " " + s.Rollback
	}
	if diff := cmp.Diff(map[string]string{"production": "keep never", "staging": "keep never", "feature": "delete never"}, rules); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	services := doc.Effective("production")
	if services["job"].Scale != nil || services["chart"].Scale != nil {
		t.Error("a job or a chart got a scale")
	}
	if s := services["zero"].Scale; s == nil || s.Min != 0 {
		t.Errorf("scale %v, want a minimum of 0", s)
	}
}

func TestExplain(t *testing.T) {
	doc := parsed(t, "overrides.yaml")
	var got bytes.Buffer
	for _, rule := range []string{"production", "staging"} {
		fmt.Fprintf(&got, "== stage %s\n", rule)
		for _, v := range slices.Concat(doc.ExplainStage(rule), doc.Explain(rule)) {
			fmt.Fprintln(&got, v)
		}
	}
	fmt.Fprintln(&got, "== env of web in production")
	for _, v := range doc.ExplainService("production", "web", "env") {
		fmt.Fprintln(&got, v)
	}
	golden(t, "explain.golden", got.Bytes())
	if doc.ExplainStage("nowhere") != nil || doc.ExplainPreviews() != nil || len(doc.ExplainService("", "nowhere", "")) != 0 {
		t.Error("something that does not exist was explained")
	}
	if got := parsed(t, "all.yaml").ExplainPreviews(); len(got) != 8 || got[1].Origin != "previews.forks slipway.yaml:21:10" {
		t.Errorf("previews: %v", got)
	}
}

// TestExplainAgreesWithEffective walks both for every stage of an example.
func TestExplainAgreesWithEffective(t *testing.T) {
	doc := parsed(t, "all.yaml")
	for _, rule := range []string{"production", "staging", "feature"} {
		web := doc.Effective(rule)["web"]
		values := map[string]any{}
		for _, v := range doc.Explain(rule) {
			values[v.Path] = v.Value
		}
		want := map[string]any{
			"services.web.scale.min": int64(web.Scale.Min), "services.web.scale.max": int64(web.Scale.Max), "services.web.port": int64(web.Port),
			"services.web.build.context": web.Build.Context, "services.web.env.LOG_LEVEL": web.Env["LOG_LEVEL"],
		}
		for path, value := range want {
			if values[path] != value {
				t.Errorf("%s in %s: explained as %v, is %v", path, rule, values[path], value)
			}
		}
	}
}

// TestPositionsPointAtTheText holds every position against the source: a key's
// value stands where the file says it.
func TestPositionsPointAtTheText(t *testing.T) {
	for _, name := range []string{"all.yaml", "overrides.yaml"} {
		for _, ending := range []string{"\n", "\r\n"} {
			source := strings.ReplaceAll(string(testdata(t, name)), "\n", ending)
			doc, err := Parse("slipway.yaml", []byte(source))
			if err != nil {
				t.Fatal(err)
			}
			lines, seen := strings.Split(source, "\n"), 0
			var walk func(n *syntax.Node)
			walk = func(n *syntax.Node) {
				for _, e := range n.Entries {
					pointsAt(t, lines, e.At, e.Key)
					walk(e.Value)
				}
				for _, item := range n.Items {
					walk(item)
				}
				if n.Kind == syntax.String {
					seen++
					pointsAt(t, lines, n.At, n.Text)
					if line, column := doc.Position(n.Path()); line != n.At.Line || column != n.At.Column {
						t.Errorf("Position(%s) = %d:%d, want %v", n.Path(), line, column, n.At)
					}
				}
			}
			walk(doc.root)
			if seen < 20 {
				t.Errorf("only %d strings were compared", seen)
			}
		}
	}
}

func pointsAt(t *testing.T, lines []string, at syntax.Place, text string) {
	t.Helper()
	rest := string([]rune(lines[at.Line-1])[at.Column-1:])
	if !strings.HasPrefix(strings.TrimLeft(rest, `"'`), text) {
		t.Errorf("%d:%d says %q, not %q", at.Line, at.Column, rest, text)
	}
}

func TestPosition(t *testing.T) {
	source := "version: 1\nproject: shöp\nservices:\n  web:\n    env: {\"Ä.B\": x, C: 'y'}\n    routes:\n    - path: /\n    text: |\n      a\n"
	doc := &Document{root: syntax.Read(syntax.NewReport("slipway.yaml"), []byte(source))}
	tests := map[string][2]int{
		"version": {1, 10}, "services": {3, 1}, "services.web": {4, 3}, `services.web.env["Ä.B"]`: {5, 18}, "services.web.env.C": {5, 24},
		"services.web.routes": {6, 5}, "services.web.routes[0]": {7, 7}, "services.web.routes[0].path": {7, 13}, "services.web.text": {8, 11},
		"services.we": {}, "services.web.routes[1]": {}, "": {}, "services.web.env.C.D": {},
	}
	for path, want := range tests {
		if line, column := doc.Position(path); line != want[0] || column != want[1] {
			t.Errorf("Position(%q) = %d:%d, want %v", path, line, column, want)
		}
	}
}

func TestMessagesOfProblems(t *testing.T) {
	_, err := Parse("slipway.yaml", []byte("version: 1\n\x1b[31m: 1\n"))
	var problems Problems
	if !errors.As(err, &problems) || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("a control character reached the message: %q", err)
	}
	_, err = Parse("slipway.yaml", []byte("version: 1\n\"\\e[31m\\nfoo\": 1\n"))
	if strings.ContainsAny(strings.ReplaceAll(err.Error(), "\nslipway.yaml:", ""), "\x1b\n") {
		t.Errorf("an escaped control character reached the message: %q", err)
	}
}
