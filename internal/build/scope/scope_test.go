package scope_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// parameters are those of a build on images without instructions of their own; the base
// image onbuild has some, and large has a very large environment.
func parameters(args map[string]string) build.Parameters {
	return build.Parameters{Args: args, Platform: "linux/amd64", Base: func(ref string) (build.BaseConfig, error) {
		if ref == "large" {
			return build.BaseConfig{Env: strings.Fields(strings.Repeat("N=1 ", 250_000))}, nil
		}
		return build.BaseConfig{Env: []string{"FROMBASE=b"}, OnBuild: ref == "onbuild"}, nil
	}}
}

func scopeOf(dockerfile string, args map[string]string) scope.Scope {
	stages, err := build.Evaluate("Dockerfile", []byte(dockerfile), parameters(args))
	return scope.Of("Dockerfile", stages, err)
}

func TestOf(t *testing.T) {
	all := []string{"."}
	tests := map[string]struct {
		file string
		args map[string]string
		want []string
	}{
		"nothing":                      {"FROM a\nRUN x\n", nil, nil},
		"COPY":                         {"FROM a\nCOPY site/ conf/../main.go /x/\n", nil, []string{"main.go", "site"}},
		"ADD":                          {"FROM a\nADD site.tar /x\n", nil, []string{"site.tar"}},
		"patterns":                     {"FROM a\nCOPY package*.json /x/\n", nil, []string{"package*.json"}},
		"outside":                      {"FROM a\nCOPY ../../a /x/\n", nil, []string{"a"}},
		"a mount":                      {"FROM a\nRUN --mount=type=bind,source=src,target=/src x\n", nil, []string{"src"}},
		"a mount of everything":        {"FROM a\nRUN --mount=type=bind,target=/src x\n", nil, all},
		"other mounts":                 {"FROM a AS b\nFROM a\nRUN --mount=type=cache,target=/c --mount=type=secret,id=s --mount=type=tmpfs,target=/t --mount=from=b,source=/x,target=/x x\n", nil, nil},
		"of other stages":              {"FROM a AS b\nCOPY b /b\nFROM c\nCOPY --from=b /b /b\nCOPY --from=img /c /c\n", nil, []string{"b"}},
		"here-documents":               {"FROM a\nCOPY <<EOF /x\nhi\nEOF\n", nil, nil},
		"each once":                    {"FROM a\nCOPY a /x\nCOPY ./a /y\n", nil, []string{"a"}},
		"arguments":                    {"FROM a\nARG D=src\nCOPY $D /x\n", nil, []string{"src"}},
		"given arguments":              {"FROM a\nARG D=src\nCOPY $D /x\n", map[string]string{"D": "lib"}, []string{"lib"}},
		"an environment":               {"FROM a\nENV D=src\nCOPY ${D}/x /x\n", nil, []string{"src/x"}},
		"the base's environment":       {"FROM a\nCOPY $FROMBASE /x\n", nil, []string{"b"}},
		"an argument of two values":    {"FROM a\nARG FROMBASE=c\nCOPY $FROMBASE /x\n", nil, all},
		"nothing's value":              {"FROM a\nCOPY x$NOPE /x\n", nil, []string{"x"}},
		"only a variable of no value":  {"FROM a\nCOPY $NOPE /x\n", nil, all},
		"everything":                   {"FROM a\nCOPY . /x\n", nil, all},
		"everything beside something":  {"FROM a\nCOPY a /x\nCOPY / /y\n", nil, all},
		"instructions of the base":     {"FROM onbuild\nCOPY a /x\n", nil, all},
		"instructions for others":      {"FROM a\nONBUILD COPY a /x\n", nil, all},
		"an address":                   {"FROM a\nADD https://example.org/x /x\n", nil, all},
		"a repository":                 {"FROM a\nADD git@example.org:a/b.git /x\n", nil, all},
		"another front end":            {"# syntax=example.org/f:1\nFROM a\nCOPY a /x\n", nil, all},
		"Docker's own":                 {"# syntax=docker/dockerfile:1.7\nFROM a\nCOPY a /x\n", nil, []string{"a"}},
		"another escape":               {"# escape=`\nFROM a\nCOPY a /x\n", nil, all},
		"any depth":                    {"FROM a\nCOPY src/**/x /x\n", nil, all},
		"escapes":                      {"FROM a\nCOPY [\"a\\\\\\\\*\", \"/x\"]\n", nil, all},
		"broken patterns":              {"FROM a\nCOPY [\"a[\", \"/x\"]\n", nil, all},
		"no Dockerfile":                {"FOO\n", nil, all},
		"many sources":                 {"FROM a\nCOPY " + numbered(201) + " /x/\n", nil, all},
		"long sources":                 {"FROM a\nCOPY " + strings.Repeat("x", 3100) + " /x\n", nil, all},
		"as many sources as there may": {"FROM a\nCOPY f0 /x\n" + strings.Repeat("COPY f0 /x\n", 300), nil, []string{"f0"}},
		"a PATH that nobody sets":      {"FROM a\nCOPY src$PATH /x\n", nil, all},
		"the PATH of scratch":          {"FROM scratch\nCOPY src${PATH:+/lib} /x\n", nil, []string{"src/lib"}},
		"variables of many stages":     {"FROM a AS s0\nENV A" + strings.ReplaceAll(numbered(5000), " ", "=1 ") + "\n" + stagesOn(190) + "COPY a /x\n", nil, all},
		"variables of a few stages":    {"FROM a AS s0\nENV A" + strings.ReplaceAll(numbered(5000), " ", "=1 ") + "\n" + stagesOn(3) + "COPY a /x\n", nil, []string{"a"}},
		"a large base of many stages":  {strings.Repeat("FROM large\n", 10) + "COPY a /x\n", nil, all},
		"much text of variables":       {"FROM a\nENV A=" + strings.Repeat("x", 4000) + "\n" + strings.Repeat("LABEL a=$A\n", 2000) + "COPY a /x\n", nil, all},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := scopeOf(tt.file, tt.args)
			if diff := cmp.Diff(scope.Scope{Sources: tt.want, Dockerfile: "Dockerfile"}, got); diff != "" {
				t.Errorf("scope (-want +got):\n%s", diff)
			}
		})
	}
}

// stagesOn makes stages that each begin with the one before, from s0 on.
func stagesOn(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "FROM s%d AS s%d\n", i, i+1)
	}
	return text.String()
}

func numbered(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "f%d ", i)
	}
	return text.String()
}

// selected returns the paths that a build is given.
func selected(t testing.TB, s scope.Scope, files map[string]gittest.File) ([]string, map[string]string) {
	t.Helper()
	selection, err := s.On(gittest.NewTree(t, files, nil), ".")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	if err := selection.Walk(t.Context(), func(name string, _ fs.FileMode) error { paths = append(paths, name); return nil }); err != nil {
		t.Fatal(err)
	}
	digests, err := selection.Digests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return paths, digests
}

func plain(names ...string) map[string]gittest.File {
	files := map[string]gittest.File{"Dockerfile": {Data: "FROM a\n"}}
	for _, name := range names {
		files[name] = gittest.File{Data: name}
	}
	return files
}

// A builder is given just what it may read, and what it reads that with.
func TestWalk(t *testing.T) {
	files := func(ignore string) map[string]gittest.File {
		made := plain("README.md", "a.conf", "b.conf", "src/main.go", "src/lib/x.go", "src/lib/x.md", "docs/keep.md", "docs/other.md")
		if ignore != "" {
			made[".dockerignore"] = gittest.File{Data: ignore}
		}
		return made
	}
	tests := map[string]struct {
		sources []string
		ignore  string
		want    []string
	}{
		"a file":               {[]string{"a.conf"}, "", []string{"Dockerfile", "a.conf"}},
		"a directory":          {[]string{"src"}, "", []string{"Dockerfile", "src", "src/lib", "src/lib/x.go", "src/lib/x.md", "src/main.go"}},
		"a pattern":            {[]string{"*.conf"}, "", []string{"Dockerfile", "a.conf", "b.conf"}},
		"a pattern on the way": {[]string{"s*/lib"}, "", []string{"Dockerfile", "src/lib", "src/lib/x.go", "src/lib/x.md"}},
		"missing":              {[]string{"nothing", "a.conf/x", "no*"}, "", []string{"Dockerfile"}},
		"each once":            {[]string{"Dockerfile", "src", "src/lib"}, "", []string{"Dockerfile", "src", "src/lib", "src/lib/x.go", "src/lib/x.md", "src/main.go"}},
		"ignored":              {[]string{"src"}, "**/*.md\n", []string{"Dockerfile", ".dockerignore", "src", "src/lib", "src/lib/x.go", "src/main.go"}},
		"but for some":         {[]string{"."}, "*\n!docs/keep.md\n", []string{"Dockerfile", ".dockerignore", "docs", "docs/keep.md"}},
		"broken patterns":      {[]string{"a.conf"}, "[\n", []string{"Dockerfile", ".dockerignore", "a.conf"}},
		"patterns that break":  {[]string{"a.conf"}, "a.conf\n\\1\n", []string{"Dockerfile", ".dockerignore", "a.conf"}},
		"too many patterns":    {[]string{"a.conf"}, strings.Repeat("a.conf\n", 10_000), []string{"Dockerfile", ".dockerignore", "a.conf"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, _ := selected(t, scope.Scope{Sources: tt.sources, Dockerfile: "Dockerfile"}, files(tt.ignore))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("paths (-want +got):\n%s", diff)
			}
		})
	}
}

// Where a source is a link, or leads through one, builders may read anything.
func TestLinksWiden(t *testing.T) {
	files := plain("real/a", "other")
	files["link"] = gittest.File{Mode: fs.ModeSymlink, Data: "real"}
	for _, source := range []string{"link", "link/a", "l*"} {
		got, digests := selected(t, scope.Scope{Sources: []string{source}, Dockerfile: "Dockerfile"}, files)
		if diff := cmp.Diff([]string{"Dockerfile", "link", "other", "real", "real/a"}, got); diff != "" || digests["."] == "" {
			t.Errorf("%s: digests of %v, paths (-want +got):\n%s", source, digests, diff)
		}
	}
}

// A link in the place of the ignore file leads some builders to anything.
func TestLinkToIgnoreFile(t *testing.T) {
	files := plain("patterns", "a")
	files[".dockerignore"] = gittest.File{Mode: fs.ModeSymlink, Data: "patterns"}
	got, digests := selected(t, scope.Scope{Sources: []string{"a"}, Dockerfile: "Dockerfile"}, files)
	if diff := cmp.Diff([]string{"Dockerfile", ".dockerignore", "a", "patterns"}, got); diff != "" || digests["."] == "" {
		t.Errorf("digests of %v, paths (-want +got):\n%s", digests, diff)
	}
}

// A README beside what is copied is no input.
func TestDigests(t *testing.T) {
	tests := map[string]struct {
		file   string
		change func(map[string]gittest.File)
		same   bool
	}{
		"a README beside":       {"COPY site /x", func(f map[string]gittest.File) { f["README.md"] = gittest.File{Data: "better"} }, true},
		"a file beside":         {"COPY site /x", func(f map[string]gittest.File) { f["new"] = gittest.File{} }, true},
		"in the directory":      {"COPY site /x", func(f map[string]gittest.File) { f["site/new"] = gittest.File{} }, false},
		"a mode":                {"COPY site/a /x", func(f map[string]gittest.File) { f["site/a"] = gittest.File{Mode: 0o111, Data: "site/a"} }, false},
		"a match more":          {"COPY *.txt /x/", func(f map[string]gittest.File) { f["c.txt"] = gittest.File{} }, false},
		"no match":              {"COPY *.txt /x/", func(f map[string]gittest.File) { f["c.md"] = gittest.File{} }, true},
		"an ignored file":       {"COPY . /x", func(f map[string]gittest.File) { f["site/i.md"] = gittest.File{Data: "x"} }, true},
		"another file":          {"COPY . /x", func(f map[string]gittest.File) { f["site/i.txt"] = gittest.File{Data: "x"} }, false},
		"a directory's only":    {"COPY . /x", func(f map[string]gittest.File) { f["docs/i.md"] = gittest.File{} }, false},
		"a file is a directory": {"COPY a* /x/", func(f map[string]gittest.File) { delete(f, "a.txt"); f["a.txt/a"] = gittest.File{} }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			files := plain("README.md", "a.txt", "b.txt", "site/a", "site/b.md")
			files[".dockerignore"] = gittest.File{Data: "**/*.md\n"}
			s := scopeOf("FROM a\n"+tt.file+"\n", nil)
			_, before := selected(t, s, files)
			tt.change(files)
			_, after := selected(t, s, files)
			if same := cmp.Equal(before, after); same != tt.same {
				t.Errorf("the same: %v, want %v", same, tt.same)
			}
		})
	}
}

// Sources that match very much are the whole context.
func TestManyRoots(t *testing.T) {
	files := plain()
	for i := range 10_000 {
		files[fmt.Sprintf("f%05d", i)] = gittest.File{}
	}
	s := scope.Scope{Sources: []string{"f*"}, Dockerfile: "Dockerfile"}
	if _, digests := selected(t, s, files); digests["f*"] == "" {
		t.Errorf("10,000 matches: %v", digests)
	}
	files["f10000"] = gittest.File{}
	if _, digests := selected(t, s, files); digests["."] == "" {
		t.Errorf("10,001 matches: %v", digests)
	}
}

// Patterns and files without end are refused in time.
func TestManyMatches(t *testing.T) {
	files := plain()
	for i := range 700 {
		files[fmt.Sprintf("f%03d", i)] = gittest.File{}
	}
	files[".dockerignore"] = gittest.File{Data: strings.Repeat("x\n", 30_000)}
	selection, err := scope.Scope{Sources: []string{"."}, Dockerfile: "Dockerfile"}.On(gittest.NewTree(t, files, nil), ".")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := selection.Digests(t.Context()); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "30000 patterns") {
		t.Errorf("%v, want a refusal", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := selection.Digests(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("after its caller has gone: %v", err)
	}
}
