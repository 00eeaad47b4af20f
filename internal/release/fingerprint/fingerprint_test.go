package fingerprint_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/git/gittest"
	"github.com/slipway-dev/slipway/internal/release/fingerprint"
)

// files are those that the tests begin with.
func files() map[string]gittest.File {
	return map[string]gittest.File{
		"README.md": {Data: "hello"}, "deploy/web.yaml": {Data: "web"}, "deploy/db.yaml": {Data: "db"}, "deploy/base/a.yaml": {Data: "a"},
		"link": {Mode: fs.ModeSymlink, Data: "deploy"},
	}
}

// record returns the fingerprint of what read does with a tree.
func record(t *testing.T, of map[string]gittest.File, read func(*fingerprint.RecordedTree)) *fingerprint.Fingerprint {
	t.Helper()
	var recording fingerprint.Recording
	read(recording.Tree(fingerprint.Revision{}, gittest.NewTree(t, of, nil)))
	made, err := recording.Fingerprint("basis")
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// equal compares a fingerprint with a tree. Comparing reads no file.
func equal(t *testing.T, f *fingerprint.Fingerprint, basis string, with map[string]gittest.File) bool {
	t.Helper()
	read := 0
	answers := fingerprint.NewAnswers(gittest.NewTree(t, with, &read))
	got, err := f.Equal(basis, func(fingerprint.Revision) (*fingerprint.Answers, error) { return answers, nil })
	if err != nil {
		t.Fatal(err)
	}
	if read != 0 {
		t.Errorf("%d files were read", read)
	}
	return got
}

// What was read decides which changes count.
func TestEqual(t *testing.T) {
	look := func(name string) func(*fingerprint.RecordedTree) {
		return func(r *fingerprint.RecordedTree) { _, _ = r.Look(name) }
	}
	list := func(name string) func(*fingerprint.RecordedTree) {
		return func(r *fingerprint.RecordedTree) { _, _ = r.List(name) }
	}
	read := func(name string) func(*fingerprint.RecordedTree) {
		return func(r *fingerprint.RecordedTree) { _, _ = r.Read(name, 1000) }
	}
	hash := func(name string) func(*fingerprint.RecordedTree) {
		return func(r *fingerprint.RecordedTree) { _, _ = r.Hash(name) }
	}
	set := func(name string, file gittest.File) func(map[string]gittest.File) {
		return func(m map[string]gittest.File) { m[name] = file }
	}
	text := func(name, data string) func(map[string]gittest.File) { return set(name, gittest.File{Data: data}) }
	remove := func(name string) func(map[string]gittest.File) {
		return func(m map[string]gittest.File) { delete(m, name) }
	}
	tests := map[string]struct {
		read   func(*fingerprint.RecordedTree)
		change func(map[string]gittest.File)
		want   bool
	}{
		"nothing":                           {read("deploy/web.yaml"), func(map[string]gittest.File) {}, true},
		"another file":                      {read("deploy/web.yaml"), text("README.md", "better"), true},
		"a file beside":                     {read("deploy/web.yaml"), text("deploy/new.yaml", "new"), true},
		"the file":                          {read("deploy/web.yaml"), text("deploy/web.yaml", "other"), false},
		"the file becomes executable":       {read("deploy/web.yaml"), set("deploy/web.yaml", gittest.File{Mode: 0o111, Data: "web"}), false},
		"the file becomes a link":           {read("deploy/web.yaml"), set("deploy/web.yaml", gittest.File{Mode: fs.ModeSymlink, Data: "web"}), false},
		"the file goes":                     {read("deploy/web.yaml"), remove("deploy/web.yaml"), false},
		"a missing file comes":              {look("deploy/new.yaml"), text("deploy/new.yaml", "new"), false},
		"a file that was looked at changes": {look("deploy/web.yaml"), text("deploy/web.yaml", "other"), true},
		"a file that was looked at goes":    {look("deploy/web.yaml"), remove("deploy/web.yaml"), false},
		"a listed directory gets a file":    {list("deploy"), text("deploy/new.yaml", "new"), false},
		"a listed file changes":             {list("deploy"), text("deploy/web.yaml", "other"), true},
		"a listed file becomes a link":      {list("deploy"), set("deploy/web.yaml", gittest.File{Mode: fs.ModeSymlink, Data: "web"}), false},
		"below a listed directory":          {list("deploy"), text("deploy/base/new.yaml", "new"), true},
		"in a whole directory":              {hash("deploy"), text("deploy/base/new.yaml", "new"), false},
		"a mode in a whole directory":       {hash("deploy"), set("deploy/base/a.yaml", gittest.File{Mode: 0o111, Data: "a"}), false},
		"beside a whole directory":          {hash("deploy"), text("other", "new"), true},
		"the target of a link on the way":   {look("link/web.yaml"), set("link", gittest.File{Mode: fs.ModeSymlink, Data: "other"}), true},
		"a link on the way goes":            {look("link/web.yaml"), remove("link"), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			made := record(t, files(), tt.read)
			after := files()
			tt.change(after)
			if got := equal(t, made, "basis", after); got != tt.want {
				t.Errorf("equal: %v, want %v: %+v", got, tt.want, made.Commits)
			}
			if equal(t, made, "another basis", files()) {
				t.Error("another basis is taken for equal")
			}
		})
	}
}

// A fingerprint is kept and read back.
func TestEncode(t *testing.T) {
	made := record(t, files(), func(r *fingerprint.RecordedTree) {
		_, _ = r.Read("deploy/web.yaml", 10)
		_, _ = r.List("deploy")
		_, _ = r.Look("missing")
	})
	first, err := made.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := fingerprint.Decode(first)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, again); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if _, err := fingerprint.Decode([]byte("nothing")); err == nil {
		t.Error("damaged bytes are a fingerprint")
	}
}

// What answers for a whole directory answers for what is in it.
func TestWholeDirectoriesStandForTheirFiles(t *testing.T) {
	made := record(t, files(), func(r *fingerprint.RecordedTree) {
		_, _ = r.Hash("deploy")
		_, _ = r.Read("deploy/web.yaml", 10)
		_, _ = r.List("deploy/base")
		_, _ = r.Look("deploy")
		_, _ = r.Look("README.md")
	})
	var paths []string
	for _, read := range made.Commits[0].Reads {
		paths = append(paths, string(read.Kind)+" "+read.Path)
	}
	if diff := cmp.Diff([]string{"look README.md", "object deploy"}, paths); diff != "" {
		t.Errorf("reads (-want +got):\n%s", diff)
	}
}

// A large fingerprint gets coarser until it can be kept, and never says more than
// is so.
func TestLargeFingerprintIsCoarser(t *testing.T) {
	many := map[string]gittest.File{}
	for i := range 4000 {
		many[fmt.Sprintf("charts/c%02d/templates/t%04d.yaml", i%40, i)] = gittest.File{Data: fmt.Sprint(i)}
	}
	maps.Copy(many, files())
	made := record(t, many, func(r *fingerprint.RecordedTree) {
		for name := range many {
			if strings.HasPrefix(name, "charts/") {
				_, _ = r.Read(name, 100)
			}
		}
		_, _ = r.Look("deploy/missing.yaml")
	})
	data, err := made.Encode()
	if err != nil || len(data) > 32<<10 {
		t.Fatalf("%d bytes: %v", len(data), err)
	}
	if reads := made.Commits[0].Reads; len(reads) != 41 {
		t.Errorf("%d reads, want those of 40 directories and one other", len(reads))
	}
	if !equal(t, made, "basis", many) {
		t.Error("it is not equal to itself")
	}
	for name, want := range map[string]bool{"charts/c07/templates/t0007.yaml": false, "charts/c07/templates/new.yaml": false, "deploy/web.yaml": true, "deploy/missing.yaml": false} {
		changed := maps.Clone(many)
		changed[name] = gittest.File{Data: "changed"}
		if got := equal(t, made, "basis", changed); got != want {
			t.Errorf("after a change of %s equal is %v, want %v", name, got, want)
		}
	}
}

// What can't be compared is not equal.
func TestErrorsAreNotEqual(t *testing.T) {
	made := record(t, files(), func(r *fingerprint.RecordedTree) { _, _ = r.Read("README.md", 10) })
	away := errors.New("no answer")
	got, err := made.Equal("basis", func(fingerprint.Revision) (*fingerprint.Answers, error) { return nil, away })
	if got || !errors.Is(err, away) {
		t.Errorf("%v, %v", got, err)
	}
	var recording fingerprint.Recording
	_, _ = recording.Tree(fingerprint.Revision{}, gittest.NewTree(t, files(), nil)).Look("../outside")
	if f, err := recording.Fingerprint("basis"); f != nil || err == nil {
		t.Errorf("a path outside has the fingerprint %v, %v", f, err)
	}
}
