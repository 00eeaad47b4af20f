package project

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func file() *File {
	return &File{Stages: []Stage{
		{Name: "production", Branch: "main"},
		{Name: "staging", Branch: "main"},
		{Name: "feature", Branch: "feature/*"},
		{Name: "all", Branch: "team/**"},
		{Name: "version", Tag: "v*"},
		{Name: "odd", Branch: "refs/heads/main"},
	}}
}

func TestStageFor(t *testing.T) {
	tests := map[string]string{
		"refs/heads/main":            "production staging",
		"refs/heads/Main":            "",
		"refs/heads/main2":           "",
		"main":                       "",
		"refs/tags/main":             "",
		"refs/heads/refs/heads/main": "odd",
		"refs/heads/feature/x":       "feature*",
		"refs/heads/feature/x/y":     "",
		"refs/heads/feature-x":       "",
		"refs/heads/feature":         "",
		"refs/tags/feature/x":        "",
		"refs/heads/team/a":          "all*",
		"refs/heads/team/a/b":        "all*",
		"refs/tags/v1.2":             "version",
		"refs/heads/v1.2":            "",
		"refs/tags/v1/2":             "",
		"refs/pull/1/head":           "",
		"refs/heads/":                "",
		"":                           "",
	}
	for ref, want := range tests {
		var got []string
		for _, m := range StageFor(file(), ref) {
			name := m.Rule.Name
			if m.PerRef {
				name += "*"
			}
			got = append(got, name)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("StageFor(%q) = %v, want %s", ref, got, want)
		}
	}
}

func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"main", "main", true}, {"main", "main ", false}, {"main", "", false}, {"", "", true}, {"", "a", false},
		{"*", "a", true}, {"*", "", true}, {"*", "a/b", false}, {"**", "a/b", true}, {"***", "a/b", true},
		{"a*b*c", "aXbYc", true}, {"a*b*c", "abc", true}, {"a*b*c", "ac", false}, {"a*b", "a/b", false}, {"a**b", "a/x/b", true},
		{"feature/*", "feature/", true}, {"*/x", "a/x", true}, {"*/x", "a/b/x", false}, {"**/x", "a/b/x", true},
		{"v?", "v1", false}, {"v?", "v?", true}, {"[ab]", "a", false}, {`\*`, "*", false}, {`\*`, `\x`, true}, {".", "x", false},
		{"ü*", "über", true}, {strings.Repeat("*a", 100), strings.Repeat("a", 200), true}, {strings.Repeat("*a", 100) + "b", strings.Repeat("a", 200), false},
	}
	for _, test := range tests {
		if got := Glob(test.pattern, test.name); got != test.want {
			t.Errorf("Glob(%q, %q) = %v", test.pattern, test.name, got)
		}
	}
}

// TestGlobAgreesWithRegexp compares with the same pattern as an expression.
func TestGlobAgreesWithRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab/*.]{0,8}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab/.]{0,10}`).Draw(t, "name")
		expression := regexp.QuoteMeta(pattern)
		expression = strings.ReplaceAll(expression, `\*\*`, `.*`)
		expression = strings.ReplaceAll(expression, `\*`, `[^/]*`)
		if want := regexp.MustCompile(`^` + expression + `$`).MatchString(name); Glob(pattern, name) != want {
			t.Fatalf("Glob(%q, %q) = %v", pattern, name, !want)
		}
	})
}

func TestPreviewsAccept(t *testing.T) {
	var none *Previews
	tests := map[string]struct {
		previews *Previews
		branch   string
		want     bool
	}{
		"no previews":   {none, "main", false},
		"any branch":    {&Previews{}, "main", true},
		"named":         {&Previews{Into: []string{"main"}}, "main", true},
		"another":       {&Previews{Into: []string{"main"}}, "develop", false},
		"pattern":       {&Previews{Into: []string{"main", "release/*"}}, "release/1", true},
		"full ref":      {&Previews{Into: []string{"main"}}, "refs/heads/main", false},
		"empty pattern": {&Previews{Into: []string{""}}, "main", false},
	}
	for name, test := range tests {
		if got := test.previews.Accepts(test.branch); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzGlob(f *testing.F) {
	for _, seed := range []string{"feature/*", "**", "v*", "*a*a*a*", "ü*"} {
		f.Add(seed, "feature/x")
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 300 || len(name) > 300 {
			return
		}
		if !strings.Contains(pattern, "*") && Glob(pattern, name) != (pattern == name) {
			t.Fatalf("Glob(%q, %q) is not equality", pattern, name)
		}
		if !Glob("**", name) || Glob("*", name) == strings.Contains(name, "/") {
			t.Fatalf("* or ** misjudges %q", name)
		}
	})
}
