package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

var update = flag.Bool("update", false, "rewrite golden files")

const published = "../../../docs/slipway.schema.json"

func TestPublishedSchema(t *testing.T) {
	got, err := JSON()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(published, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s is not what Schema returns; run go generate ./internal/projectfile/schema", published)
	}
}

func compiled(t testing.TB) *validator.Schema {
	t.Helper()
	data, err := JSON()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := validator.NewCompiler()
	compiler.UseLoader(validator.SchemeURLLoader{})
	if err := compiler.AddResource(ID, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(ID)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestTableCoversTypes holds the table and the types together: each field has
// a rule, each rule a field, and each string an explicit bound.
func TestTableCoversTypes(t *testing.T) {
	g := grammar.New()
	left := maps.Clone(g.Rules)
	maps.DeleteFunc(left, func(name string, _ grammar.Rule) bool { return strings.HasPrefix(name, "SecondaryFile.") })
	types := append(structs(reflect.TypeFor[project.File]()), reflect.TypeFor[project.File]())
	for _, typ := range types {
		for _, f := range g.Fields(typ) {
			name := typ.Name() + "." + f.Key
			r, ok := left[name]
			if !ok || r.Help == "" {
				t.Errorf("%s has no rule", name)
			}
			delete(left, name)
			bounded(t, name, typ.Field(f.Index).Type, r)
		}
	}
	for name := range left {
		t.Errorf("the rule %s has no field", name)
	}
}

func bounded(t *testing.T, name string, typ reflect.Type, r grammar.Rule) {
	t.Helper()
	switch typ.Kind() {
	case reflect.Pointer:
		bounded(t, name, typ.Elem(), r)
	case reflect.String:
		if (r.Text == nil || r.Text.Max == 0) && len(r.Enum) == 0 {
			t.Errorf("%s is a string of any length", name)
		}
	case reflect.Slice, reflect.Map:
		if r.Max == 0 {
			t.Errorf("%s may have any number of items", name)
		}
		if typ.Elem().Kind() == reflect.String {
			bounded(t, name, typ.Elem(), r.Element())
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		if r.Most == 0 {
			t.Errorf("%s is any number", name)
		}
	}
}

// TestSchemaAndParserAgree compares both on generated files: half of them obey
// the table up to two random changes, half break its rules here and there. Only structural problems of the
// parser count: what doc.go lists as beyond the schema is left out.
func TestSchemaAndParserAgree(t *testing.T) {
	schema, accepted, refused := compiled(t), 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			sinful := rapid.Bool().Draw(t, "sinful")
			file := generator{t: t, Grammar: grammar.New(), sinful: sinful}.file()
			if !sinful {
				for range rapid.IntRange(0, 2).Draw(t, "mutations") {
					mutate(t, file)
				}
			}
			source := render(t, file)
			if len(source) > syntax.MaxBytes {
				continue
			}
			schemaErr := schema.Validate(normal(t, file))
			structural := structuralProblems(source)
			if (schemaErr == nil) != (len(structural) == 0) {
				t.Fatalf("schema: %v\nparser: %v\nfile:\n%s", schemaErr, structural, source)
			}
			if schemaErr == nil {
				accepted++
			} else {
				refused++
			}
		}
	})
	t.Logf("%d files accepted by both, %d refused by both", accepted, refused)
	if !t.Failed() && (accepted < 500 || refused < 500) {
		t.Errorf("too few files: %d accepted, %d refused", accepted, refused)
	}
}

// TestSchemaAcceptsExamples takes files that the parser accepts.
func TestSchemaAcceptsExamples(t *testing.T) {
	schema := compiled(t)
	for _, path := range []string{"../testdata/all.yaml", "../testdata/overrides.yaml"} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := projectfile.Parse("slipway.yaml", data); err != nil {
			t.Fatalf("%s:\n%v", path, err)
		}
		if err := schema.Validate(normal(t, syntax.Read(syntax.NewReport(path), data).Plain())); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func structuralProblems(source []byte) syntax.Problems {
	_, err := projectfile.Parse("slipway.yaml", source)
	problems, _ := errors.AsType[syntax.Problems](err)
	return slices.DeleteFunc(problems, func(p syntax.Problem) bool { return p.BeyondSchema })
}

// normal returns a value as the validator reads it from JSON.
func normal(t interface{ Fatal(...any) }, v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// render writes a file in block or in flow style, the latter when it has
// control characters, which only JSON's encoder escapes.
func render(t *rapid.T, file any) []byte {
	flow, err := json.MarshalIndent(file, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	flow = bytes.ReplaceAll(flow, []byte("\x7f"), []byte(`\u007f`))
	if bytes.Contains(flow, []byte(`\u0`)) || bytes.Contains(flow, []byte(`\t`)) || rapid.Bool().Draw(t, "flow") {
		return flow
	}
	block, err := yaml.MarshalWithOptions(file, yaml.UseSingleQuote(false), yaml.UseLiteralStyleIfMultiline(true))
	if err != nil {
		t.Fatal(err)
	}
	return block
}

// samples returns members and non-members of a format.
func samples(f *grammar.Format) sample {
	all := map[string]sample{
		"a project name":                    {[]string{"shop", "my-shop", "a--b", "1"}, []string{"", "-a", "a-", "Shop", "a_b", "a.b", "ä"}},
		"a stage name":                      {[]string{"production", "a-b", "pr2", "v2"}, []string{"", "2a", "pr", "pr-1", "a--b", "A", "a_b", "-a", "a-", "a.b"}},
		"a service name":                    {[]string{"web", "my-api", "a1"}, []string{"", "1a", "A", "-a", "a-", "a_b", "a.b"}},
		"a template name":                   {[]string{"postgres", "my-thing"}, []string{"", "Postgres", "a/b", "../a"}},
		"a volume name":                     {[]string{"data", "a-b"}, []string{"", "A", "a_b"}},
		"a port name":                       {[]string{"metrics", "grpc"}, []string{"", "1", "a_b"}},
		"a Compose service name":            {[]string{"mailer", "My_Service.1"}, []string{"", "-a", "a b", "a/b"}},
		"a Secret's name":                   {[]string{"stripe", "a.b-c"}, []string{"", "A", "a_b", ".a", "a."}},
		"a key of a Secret":                 {[]string{"API_KEY", "tls.crt", "_a"}, []string{"", "a b", "a/b", "-a", ".a", "ä"}},
		"sealed":                            {[]string{"YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+", "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n"}, []string{"", "secret", "YWdl", "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi 0+", "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+\n", "-----BEGIN AGE ENCRYPTED FILE-----\n"}},
		"a name at the forge":               {[]string{"alice", "acme/backend", "dependabot[bot]", "{0-1}"}, []string{"", "a b", "a\tb", "ä"}},
		"an e-mail address":                 {[]string{"a@b.example"}, []string{"", "a", "a@", "@b", "a b@c", "a@b@c"}},
		"a branch or tag name or pattern":   {[]string{"main", "feature/*", "v*", "**", "Ünïcode", "a.b"}, []string{"", "a b", "a~b", "a^", "a:b", "a?", "a[b]", `a\b`, "a\x7f"}},
		"a branch or tag name":              {[]string{"main", "feature/x"}, []string{"", "a*", "a b"}},
		"a path in the repository":          {[]string{".", "a", "a/b", "a/", ".github", "...", "..a", "a b/c", "a/.b", "ä"}, []string{"", "/", "/a", "..", "../a", "a/..", "a/../b", "./a", "a/./b", "a//b", `a\b`, "a\nb", "a/.", "https://a/b"}},
		"an absolute path in the container": {[]string{"/data", "/var/lib/a"}, []string{"", "/", "data", "/a/", "/a/../b", "//a", "/.", "/a/./b"}},
		"a URL path":                        {[]string{"/", "/api", "/a/b%20c"}, []string{"", "api", "/a b", "/a?b", "/a#b", "/ä", `/"`}},
		"a host name":                       {[]string{"shop.example", "a-b.c.example"}, []string{"", "shop", "Shop.example", "*.a.example", "10.0.0.1", "a..b", "-a.b", "a.b-", "a_b.c", "a.example:80", "a.example/", "a.b."}},
		"an image reference":                {[]string{"redis:7.4", "r.example:5000/a/b@sha256:aa", "Redis"}, []string{"", "a b", "-a", "https://a|b"}},
		"a repository URL":                  {[]string{"https://git.example/a/b.git", "ssh://git@git.example:22/a", "http://git.example/a"}, []string{"", "file:///a", "git@a:b", "https://u:p@a/b", "/a", "https://a", "--upload-pack=x", "ext::sh"}},
		"a build target":                    {[]string{"", "prod", "Stage_1"}, []string{"-a", "a b"}},
		"a variable name":                   {[]string{"LOG_LEVEL", "_a", "a1"}, []string{"", "1a", "A-B", "A.B", "A B", "A=B"}},
		"text without NUL characters":       {[]string{"", "info", "a\nb", "ä"}, []string{"a\x00b"}},
		"one line of text":                  {[]string{"ci/test", "CI / test ✓"}, []string{"", "a\nb", "\t"}},
		"a Linux capability":                {[]string{"NET_BIND_SERVICE"}, []string{"", "net", "CAP-A", "_A"}},
		"an amount of CPU":                  {[]string{"1", "250m", "0.5"}, []string{"", "-1", "1k", "1e3", ".5", "1.2345", "1 "}},
		"an amount of bytes":                {[]string{"256Mi", "8Gi", "1000"}, []string{"", "-1", "1m", "1e3", "1GB", "1 Gi", "Gi"}},
		"a duration":                        {[]string{"90s", "72h", "1h30m", "1.5h"}, []string{"", "1", "1d", "-1h", "h", "1 h"}},
		"a part of the day":                 {[]string{"20:00-07:00 Europe/Berlin", "12:30-13:00 UTC"}, []string{"", "20:00-07:00", "8-9 UTC", "24:00-07:00 UTC", "20:00-07:00 ../x"}},
		"an instant":                        {[]string{"2030-12-24T00:00:00Z", "2030-12-24T00:00:00+01:00"}, []string{"", "2030-12-24", "tomorrow", "2030-12-24T00:00Z"}},
		"a schedule":                        {[]string{"0 3 * * *", "*/5 1-5 1,15 jan mon"}, []string{"", "* * * *", "* * * * * *", "@daily", "a b c d ?"}},
	}
	return all[f.Noun]
}

func TestFormats(t *testing.T) {
	g := grammar.New()
	seen := map[string]bool{}
	for name, r := range g.Rules {
		for _, f := range []*grammar.Format{r.Text, r.Keys} {
			if f == nil || seen[f.Noun] {
				continue
			}
			seen[f.Noun] = true
			s := samples(f)
			if len(s.good) == 0 || len(s.bad) == 0 {
				t.Errorf("%s: no samples of %s", name, f.Noun)
			}
			for _, text := range s.good {
				if !f.Matches(text) {
					t.Errorf("%q should be %s", text, f.Noun)
				}
			}
			for _, text := range s.bad {
				if f.Matches(text) {
					t.Errorf("%q should not be %s", text, f.Noun)
				}
			}
			if f.Remedy == "" {
				t.Errorf("%s has no remedy", f.Noun)
			}
		}
	}
	if len(seen) < 25 {
		t.Error(fmt.Sprint("only ", len(seen), " formats are in use"))
	}
}

// TestStageNamesAgreeWithNaming keeps rules' names apart from those that
// naming gives to pattern rules' stages and to previews.
func TestStageNamesAgreeWithNaming(t *testing.T) {
	f := grammar.New().Rules["Stage.name"].Text
	names := append(samples(f).good, samples(f).bad...)
	names = append(names, naming.StageForRef("feature", "refs/heads/x"), naming.StageForPullRequest("", 1), naming.StageForPullRequest("api", 1))
	for _, name := range names {
		if got := f.Matches(name) && len(name) <= f.Max; got != naming.IsStageRule(name) {
			t.Errorf("%q: a stage name for this room %v, for naming %v", name, got, !got)
		}
	}
}
