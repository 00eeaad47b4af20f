package scope_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/patternmatcher"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// instruction is one line of a random Dockerfile, with what a builder may read for it.
type instruction struct {
	text  string
	reads func(name string) bool
}

func below(dir string) func(string) bool {
	return func(name string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }
}

func matching(pattern string) func(string) bool {
	return func(name string) bool {
		parts := strings.Split(name, "/")
		for i := range parts {
			if found, err := path.Match(pattern, strings.Join(parts[:i+1], "/")); err == nil && found {
				return true
			}
		}
		return false
	}
}

func everything(string) bool { return true }

func nothing(string) bool { return false }

func instructionsOfAllKinds() []instruction {
	return []instruction{
		{"COPY src /x", below("src")}, {"COPY src/lib ./README.md /x/", func(n string) bool { return below("src/lib")(n) || n == "README.md" }},
		{"COPY *.txt /x/", matching("*.txt")}, {"COPY s*/l* /x/", matching("s*/l*")}, {"COPY . /x", everything}, {"COPY --from=a /x /y", nothing},
		{"COPY link /x", everything}, {"ADD docs /x", below("docs")}, {"ADD https://example.org/x /x", nothing}, {"RUN x", nothing},
		{"RUN --mount=type=bind,source=docs,target=/d x", below("docs")}, {"RUN --mount=type=bind,target=/d x", everything}, {"RUN --mount=type=cache,target=/c x", nothing},
		{"ONBUILD COPY . /x", nothing}, {"ENV D=docs", nothing}, {"ARG A=src\nCOPY $A /x", below("src")}, {"COPY $NOPE /x", everything}, {"COPY <<E /x\nhi\nE", nothing}, {"LABEL a=b", nothing},
	}
}

// dockerfile is a random one.
type dockerfile struct {
	text  string
	reads []func(string) bool
}

func drawDockerfile(t *rapid.T) dockerfile {
	bases := []instruction{{"FROM a", nothing}, {"FROM a", nothing}, {"FROM onbuild", everything}}
	base := rapid.SampledFrom(bases).Draw(t, "base")
	made := dockerfile{text: base.text + "\n", reads: []func(string) bool{base.reads}}
	for _, one := range rapid.SliceOfN(rapid.SampledFrom(instructionsOfAllKinds()), 1, 3).Draw(t, "instructions") {
		made.text += one.text + "\n"
		made.reads = append(made.reads, one.reads)
	}
	return made
}

// read returns what a build may read, written down file by file: the reference of the
// property.
func (d dockerfile) read(files map[string]gittest.File) map[string]string {
	var patterns []string
	for line := range strings.Lines(files[".dockerignore"].Data) {
		patterns = append(patterns, strings.TrimSpace(line))
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		panic(err)
	}
	found := map[string]string{}
	for name, file := range files {
		out, err := matcher.MatchesOrParentMatches(name)
		if err != nil {
			panic(err)
		}
		if !out && slices.ContainsFunc(d.reads, func(reads func(string) bool) bool { return reads(name) }) {
			found[name] = fmt.Sprint(file.Mode, file.Data)
		}
	}
	return found
}

func drawFiles(t *rapid.T) map[string]gittest.File {
	files := map[string]gittest.File{"link": {Mode: fs.ModeSymlink, Data: "docs"}}
	for _, name := range names() {
		if rapid.IntRange(0, 9).Draw(t, "has "+name) > 1 {
			files[name] = gittest.File{Data: "1"}
		}
	}
	if ignore := rapid.SampledFrom([]string{"", "", "**/*.md\n", "docs\n", "*\n!src\nsrc/lib/b*\n", "src/lib\n!src/lib/a.go\n"}).Draw(t, "ignore"); ignore != "" {
		files[".dockerignore"] = gittest.File{Data: ignore}
	}
	return files
}

func names() []string {
	return []string{"README.md", "a.txt", "b.txt", "src/main.go", "src/lib/a.go", "src/lib/b.go", "src/lib/c.md", "src/late/x", "docs/a.md", "docs/b.txt", "other/x"}
}

// change changes one file.
func change(t *rapid.T, files map[string]gittest.File) string {
	name := rapid.SampledFrom(names()).Draw(t, "changed")
	file, there := files[name]
	switch kind := rapid.IntRange(0, 3).Draw(t, "how"); {
	case !there:
		files[name] = gittest.File{Data: "2"}
		return "adds " + name
	case kind == 0:
		delete(files, name)
		return "removes " + name
	case kind == 1:
		file.Mode ^= 0o111
		files[name] = file
		return "changes the mode of " + name
	}
	file.Data += "2"
	files[name] = file
	return "changes " + name
}

// count counts what the property came upon.
type count struct{ equal, changed, cautious int }

// equalMeansEqual draws a Dockerfile, a context and a change of it: when the digests are
// the same, so is all that the build may read; and what it may read, it is given.
func equalMeansEqual(t *rapid.T, tb testing.TB, leaveOut func([]build.Stage), counted *count) {
	d, files := drawDockerfile(t), drawFiles(t)
	stages, err := build.Evaluate("Dockerfile", []byte(d.text), parameters(nil))
	if err == nil && leaveOut != nil {
		leaveOut(stages)
	}
	s := scope.Of("Dockerfile", stages, err)
	files["Dockerfile"] = gittest.File{Data: d.text}
	given, before := selected(tb, s, files)
	readBefore := d.read(files)
	for name := range readBefore {
		if !slices.Contains(given, name) {
			t.Fatalf("%q\nmay read %s and isn't given it, only %v", d.text, name, given)
		}
	}
	after := maps.Clone(files)
	did := change(t, after)
	_, digests := selected(tb, s, after)
	equal, same := cmp.Equal(before, digests), cmp.Equal(readBefore, d.read(after))
	switch {
	case equal && !same:
		t.Fatalf("%q\nhas the same digests after a change that %s", d.text, did)
	case equal:
		counted.equal++
	case same:
		counted.cautious++
	default:
		counted.changed++
	}
}

func TestEqualDigestsMeanEqualFiles(t *testing.T) {
	setFlag(t, "rapid.checks", "3000")
	counted := count{}
	rapid.Check(t, func(rt *rapid.T) { equalMeansEqual(rt, t, nil, &counted) })
	t.Logf("%+v", counted)
	if counted.equal < 300 || counted.changed < 300 || counted.cautious > 1000 {
		t.Errorf("too few of one kind prove little, or too much is taken for changed: %+v", counted)
	}
}

func setFlag(t *testing.T, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, before) })
}

// probe is a test that may fail without failing the one around it.
type probe struct {
	rapid.TB
	failed bool
}

var errStopped = errors.New("stopped")

func (p *probe) Fail()                 { p.failed = true }
func (p *probe) Failed() bool          { return p.failed }
func (p *probe) FailNow()              { p.failed = true; panic(errStopped) }
func (p *probe) Logf(string, ...any)   {}
func (p *probe) Errorf(string, ...any) { p.Fail() }
func (p *probe) Fatalf(string, ...any) { p.FailNow() }

// The property fails when one kind of source is left out.
func TestScopeWithoutAKindIsFound(t *testing.T) {
	without := func(is func(instructions.Command) bool) func([]build.Stage) {
		return func(stages []build.Stage) {
			for i := range stages {
				stages[i].Steps = slices.DeleteFunc(stages[i].Steps, func(step build.Step) bool { return is(step.Command) })
			}
		}
	}
	for name, leaveOut := range map[string]func([]build.Stage){
		"COPY":   without(func(c instructions.Command) bool { _, is := c.(*instructions.CopyCommand); return is }),
		"ADD":    without(func(c instructions.Command) bool { _, is := c.(*instructions.AddCommand); return is }),
		"mounts": without(func(c instructions.Command) bool { _, is := c.(*instructions.RunCommand); return is }),
		"instructions of the base": func(stages []build.Stage) {
			for i := range stages {
				stages[i].OnBuild = false
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			setFlag(t, "rapid.checks", "5000")
			setFlag(t, "rapid.nofailfile", "true")
			setFlag(t, "rapid.shrinktime", "0s")
			p := &probe{TB: t}
			func() {
				defer func() {
					if caught := recover(); caught != nil && caught != any(errStopped) {
						panic(caught)
					}
				}()
				rapid.Check(p, func(rt *rapid.T) { equalMeansEqual(rt, t, leaveOut, &count{}) })
			}()
			if !p.failed {
				t.Error("no counterexample was found")
			}
		})
	}
}
