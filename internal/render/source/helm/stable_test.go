package helm_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
)

// secret returns a template of a Secret with values as they are in templates.
func secret(name string, values ...string) string {
	text := "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + "}\ndata:\n"
	for i := 0; i < len(values); i += 2 {
		text += fmt.Sprintf("  %s: %s\n", values[i], values[i+1])
	}
	return text
}

// seeded renders a chart of templates with a seed.
func seeded(t *testing.T, seed string, files map[string]string) string {
	t.Helper()
	base, err := chartWith(t, files, project.Helm{}, func(s *source.Service) { s.Seed = []byte(seed) })
	if err != nil {
		t.Fatal(err)
	}
	return text(base)
}

func text(base source.Base) string {
	var all []string
	for _, file := range base.Files {
		all = append(all, string(file.Data))
	}
	return strings.Join(all, "---\n")
}

var password = regexp.MustCompile(`(?m)^  pw: ([a-zA-Z0-9+/=]+)$`)

// valueOf returns the password of the Secret in what was rendered.
func valueOf(t *testing.T, rendered string) string {
	t.Helper()
	found := password.FindStringSubmatch(rendered)
	if found == nil {
		t.Fatalf("there is no password in\n%s", rendered)
	}
	plain, err := base64.StdEncoding.DecodeString(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// A generated value belongs to the field that it ends up in: it stays whatever
// else the chart generates, and is another one for another seed.
func TestGeneratedValueStays(t *testing.T) {
	const generate = "{{ randAlphaNum 16 | b64enc }}"
	plain := map[string]string{"templates/s.yaml": secret("db", "pw", generate)}
	value := valueOf(t, seeded(t, "one", plain))
	if len(value) != 16 || valueOf(t, seeded(t, "two", plain)) == value {
		t.Errorf("the password is %q, whatever the seed is", value)
	}
	same := map[string]map[string]string{
		"once more":                    plain,
		"another key before it":        {"templates/s.yaml": secret("db", "admin", generate, "pw", generate)},
		"another key of the same call": {"templates/s.yaml": secret("db", "pw", generate, "zz", generate)},
		"another template before it":   {"templates/a.yaml": secret("cache", "pw2", generate), "templates/s.yaml": secret("db", "pw", generate)},
		"a call that is not used":      {"templates/s.yaml": "{{- $unused := randAlphaNum 16 }}\n" + secret("db", "pw", generate)},
		"a digest in another object": {
			"templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {checksum/s: '{{ include (print $.Template.BasePath \"/s.yaml\") . | sha256sum }}'}}\n",
			"templates/s.yaml": secret("db", "pw", generate),
		},
		"another file": {"templates/other.yaml": secret("db", "pw", generate)},
		"a label more": {"templates/s.yaml": strings.Replace(secret("db", "pw", generate), "{name: db}", "{name: db, labels: {a: b}}", 1)},
	}
	for name, files := range same {
		if got := valueOf(t, seeded(t, "one", files)); got != value {
			t.Errorf("%s: the password is %q, and was %q", name, got, value)
		}
	}
	other := map[string]map[string]string{
		"another Secret": {"templates/s.yaml": secret("other", "pw", generate)},
		"longer":         {"templates/s.yaml": secret("db", "pw", "{{ randAlphaNum 17 | b64enc }}")},
		"other letters":  {"templates/s.yaml": secret("db", "pw", "{{ randAlpha 16 | b64enc }}")},
	}
	for name, files := range other {
		if got := valueOf(t, seeded(t, "one", files)); got == value {
			t.Errorf("%s: the password is still %q", name, got)
		}
	}
}

// Nobody learns one generated value from another: two fields, two services and
// two Secrets have different ones.
func TestGeneratedValuesDiffer(t *testing.T) {
	const generate = "{{ randAlphaNum 16 | b64enc }}"
	rendered := seeded(t, "one", map[string]string{"templates/s.yaml": secret("a", "pw", generate, "pw2", generate) + "---\n" + secret("b", "pw", generate)})
	seen := map[string]bool{}
	for _, line := range strings.Split(rendered, "\n") {
		if _, value, found := strings.Cut(line, ": "); found && strings.HasPrefix(line, "  pw") {
			if seen[value] {
				t.Errorf("%s is there twice", value)
			}
			seen[value] = true
		}
	}
	if len(seen) != 3 {
		t.Errorf("found %d values in\n%s", len(seen), rendered)
	}
	base, err := chartWith(t, map[string]string{"templates/s.yaml": secret("a", "pw", generate)}, project.Helm{}, func(s *source.Service) { s.Seed, s.Name = []byte("one"), "other" })
	if err != nil || seen[password.FindStringSubmatch(text(base))[1]] {
		t.Errorf("another service has the same value: %v", err)
	}
}

// Without a seed nobody sees what could be a value.
func TestGeneratedValueIsShown(t *testing.T) {
	cases := map[string]struct {
		template  string
		has, lack []string
	}{
		"in base64":        {secret("db", "pw", "{{ randAlphaNum 16 | b64enc }}"), []string{"stringData:\n  pw: <generated>", "slipway.dev/generated: 'stringData.pw'"}, []string{"\ndata:"}},
		"among others":     {secret("db", "user", "YWRtaW4=", "pw", "{{ randAlphaNum 16 | b64enc }}"), []string{"\ndata:\n  user: YWRtaW4=", "stringData:\n  pw: <generated>"}, nil},
		"as text":          {"apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {url: 'postgres://u:{{ randAlphaNum 16 }}@db'}\n", []string{"postgres://u:<generated>@db"}, nil},
		"in a ConfigMap":   {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {id: '{{ uuidv4 }}'}\n", []string{"id: '<generated>'", "slipway.dev/generated: 'data.id'"}, nil},
		"as a digest":      {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {checksum/x: '{{ randAlphaNum 9 | sha256sum }}'}}\n", []string{"checksum/x: '<generated>'"}, nil},
		"in a name":        {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 'c-{{ randAlphaNum 9 | lower }}'}\n", nil, []string{"<generated>"}},
		"a number":         {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\nport: {{ randInt 30000 40000 }}\n", nil, []string{"<generated>"}},
		"not at all":       {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n", nil, []string{"slipway.dev"}},
		"called in vain":   {"{{- $x := randAlphaNum 9 }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n", nil, []string{"slipway.dev"}},
		"in another place": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\nlist: [a, '{{ randAlphaNum 9 }}']\n", []string{"slipway.dev/generated: 'list[1]'"}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			base, err := chartWith(t, map[string]string{"templates/o.yaml": c.template}, project.Helm{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := text(base)
			for _, part := range c.has {
				if !strings.Contains(got, part) {
					t.Errorf("%q is not in\n%s", part, got)
				}
			}
			for _, part := range c.lack {
				if strings.Contains(got, part) {
					t.Errorf("%q is in\n%s", part, got)
				}
			}
			if marked := strings.Contains(got, "slipway.dev/generated"); marked != (len(base.Generated) > 0) || marked != (len(base.Warnings) > 0) {
				t.Errorf("marked: %v, generated %v, warnings %q", marked, base.Generated, base.Warnings)
			}
		})
	}
}

// A template can't tell a generated value to those who read the release's error.
func TestErrorShowsNoGeneratedValue(t *testing.T) {
	const pick = "{{- $p := randAlphaNum 40 }}\n"
	files := map[string]string{"templates/a.yaml": pick + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {p: '{{ $p }}'}\n"}
	base, err := chartWith(t, files, project.Helm{}, func(s *source.Service) { s.Seed = []byte("one") })
	if err != nil {
		t.Fatal(err)
	}
	value := base.Generated[0].Text
	files["templates/a.yaml"] += "{{- if eq (sha256sum $p) \"" + fmt.Sprintf("%x", sha256.Sum256([]byte(value))) + "\" }}{{ fail (b64enc $p) }}{{ fail $p }}{{ end }}\n"
	_, err = chartWith(t, files, project.Helm{}, func(s *source.Service) { s.Seed = []byte("one") })
	if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "it fails with the values that are generated") || strings.Contains(err.Error(), base64.StdEncoding.EncodeToString([]byte(value))) {
		t.Errorf("got %v, want an error without the value", err)
	}
}

// What differs with the time is refused only where it reaches an object that is
// kept.
func TestWhatDiffersWithTheTime(t *testing.T) {
	const certificate = "{{- $ca := genCA \"c\" 365 }}\n{{- $cert := genSignedCert \"c\" nil nil 365 $ca }}\n"
	cases := map[string]struct{ template, says string }{
		"a certificate":           {certificate + secret("tls", "crt", "{{ $cert.Cert | b64enc }}", "key", "{{ $cert.Key | b64enc }}"), "data.crt of Secret tls (c/templates/o.yaml) and 1 more would be another one each time, through genCA, genSignedCert;"},
		"one that is not used":    {certificate + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n", ""},
		"the time":                {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {at: '{{ now }}'}}\n", "metadata.annotations.at of ConfigMap c"},
		"the time for a word":     {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '{{ date \"2006\" \"x\" }}'}\n", "through now"},
		"how long ago":            {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: '{{ durationRound (toDate \"2006\" \"2026\") }}'}\n", "through durationRound"},
		"the time in a test":      {"apiVersion: v1\nkind: Pod\nmetadata: {name: 'c-{{ now | unixEpoch }}', annotations: {helm.sh/hook: test}}\n", ""},
		"a password's hash":       {secret("s", "auth", "{{ htpasswd \"a\" \"b\" | b64enc }}"), "data.auth of Secret s"},
		"whether there is one":    {"{{ if now }}apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n{{ end }}", ""},
		"in a job before release": {"apiVersion: batch/v1\nkind: Job\nmetadata: {name: c, annotations: {helm.sh/hook: pre-install}}\nspec: {at: '{{ now }}'}\n", "spec.at of Job c-"},
		"beside a random value":   {secret("s", "pw", "{{ randAlphaNum 9 | b64enc }}", "at", "{{ now | toString | b64enc }}"), "data.at of Secret s"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := chartWith(t, map[string]string{"templates/o.yaml": c.template}, project.Helm{}, nil)
			switch {
			case c.says == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.says != "" && (fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.says)):
				t.Errorf("got %v, want a refusal that says %q", err, c.says)
			}
		})
	}
}

// Faults that charts of others showed.
func TestFieldFaults(t *testing.T) {
	one := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n"
	two := strings.Replace(one, "one", "two", 1)
	cases := map[string]struct {
		files map[string]string
		spec  project.Helm
		has   []string
		kinds int
	}{
		"E1 not used": {files: map[string]string{
			"values.yaml":      "existing: mine\n",
			"templates/o.yaml": "{{- $p := default (randAlphaNum 10) .Values.password }}\n{{- if not .Values.existing }}\n" + secret("s", "p", "{{ $p }}") + "---\n{{- end }}\n" + one,
		}, has: []string{"name: one"}, kinds: 1},
		"E1 in a test's name": {files: map[string]string{
			"templates/o.yaml":    one,
			"templates/test.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: 'x-{{ randAlphaNum 5 | lower }}', annotations: {helm.sh/hook: test-success}}\n",
		}, has: []string{"name: one"}, kinds: 1},
		"E2 text behind the dashes": {files: map[string]string{"templates/o.yaml": one + "---\n\n{{- if true -}}\n" + two + "{{- end }}\n"}, has: []string{"name: one", "name: two"}, kinds: 2},
		"E2 blanks and comments":    {files: map[string]string{"templates/o.yaml": "--- # first\n" + one + "---   \n# nothing\n---\n" + two + "---\n"}, has: []string{"name: one", "name: two"}, kinds: 2},
		"E5 a path": {
			files: map[string]string{"values.yaml": "image: {tag: '1', name: a}\nhosts: [{name: x}]\n", "templates/o.yaml": one + "data: {{ toJson .Values }}\n"},
			spec:  project.Helm{Set: map[string]any{"image.tag": "2", "replicas": 3, "hosts[0].name": "y", `node\.name`: true, "annotations": map[string]any{"a.b/c": "d"}}},
			has:   []string{`"image":{"name":"a","tag":"2"}`, `"hosts":[{"name":"y"}]`, `"node.name":true`, `"a.b/c":"d"`, `"replicas":3`}, kinds: 1,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			base, err := chartWith(t, c.files, c.spec, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(text(base), `": `, `":`)
			for _, part := range c.has {
				if !strings.Contains(strings.ReplaceAll(got, ", ", ","), part) {
					t.Errorf("%q is not in\n%s", part, got)
				}
			}
			if n := strings.Count(got, "kind: "); n != c.kinds {
				t.Errorf("%d objects, want %d, in\n%s", n, c.kinds, got)
			}
		})
	}
}

func TestPathsThatAreNone(t *testing.T) {
	for _, key := range []string{"a[", "a[x]", "a[-1].b", "a.", ".a", "a..b", `a\`, "a]b", "hosts[99999999]"} {
		_, err := chartWith(t, map[string]string{"templates/o.yaml": "kind: V\n"}, project.Helm{Set: map[string]any{key: 1}}, nil)
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "services.s.helm.set: ") {
			t.Errorf("%s: %v, want a refusal with its place", key, err)
		}
	}
}

// A chart sees what the cluster serves, or what Helm assumes.
func TestCapabilities(t *testing.T) {
	files := map[string]string{"templates/o.yaml": "kind: V\nv: {{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.Minor }} {{ .Capabilities.APIVersions.Has \"monitoring.coreos.com/v1/ServiceMonitor\" }} {{ .Capabilities.APIVersions.Has \"apps/v1\" }}\n"}
	for want, at := range map[string]source.Capabilities{
		"v1.34.0 34 false true":       {},
		"v1.36.3 36 true false":       {Version: "v1.36.3", APIs: []string{"monitoring.coreos.com/v1/ServiceMonitor"}},
		"v1.31.1-gke.5 31 false true": {Version: "v1.31.1-gke.5", APIs: []string{"apps/v1"}},
	} {
		base, err := chartWith(t, files, project.Helm{}, func(s *source.Service) { s.Capabilities = at })
		if err != nil || !strings.Contains(text(base), "v: "+want+"\n") {
			t.Errorf("got %q, %v; want %q", text(base), err, want)
		}
	}
	_, err := chartWith(t, map[string]string{"Chart.yaml": chartFile + "kubeVersion: '>=1.40'\n"}, project.Helm{}, func(s *source.Service) { s.Capabilities.Version = "v1.36.3" })
	if err == nil || !strings.Contains(err.Error(), "the cluster has v1.36.3") {
		t.Errorf("a chart for a newer cluster: %v", err)
	}
}

// A long error says where it begins, and what is at its end.
func TestLongErrorKeepsItsCause(t *testing.T) {
	files := map[string]string{"templates/_a.tpl": "", "templates/o.yaml": "{{ include \"d0\" . }}\n"}
	for i := range 30 {
		files["templates/_a.tpl"] += fmt.Sprintf("{{ define \"d%d\" }}{{ include \"d%d\" . }}{{ end }}\n", i, i+1)
	}
	files["templates/_a.tpl"] += "{{ define \"d30\" }}{{ index .Values.list 7 }}{{ end }}\n"
	_, err := chartWith(t, files, project.Helm{}, nil)
	if err == nil || len(err.Error()) > 900 || !strings.Contains(err.Error(), "templates/o.yaml") || !strings.Contains(err.Error(), "index of nil pointer") && !strings.Contains(err.Error(), "index of untyped nil") {
		t.Errorf("got %v, want the template and the cause", err)
	}
}
