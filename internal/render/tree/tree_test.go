package tree_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

func TestResolve(t *testing.T) {
	cases := map[string]struct{ dir, ref, want string }{
		"beside":         {"a/b", "c.yaml", "a/b/c.yaml"},
		"above":          {"a/b", "../c.yaml", "a/c.yaml"},
		"root":           {".", "c.yaml", "c.yaml"},
		"root itself":    {"a", "..", "."},
		"dots and dirs":  {"a", "./b/../c", "a/c"},
		"dots in a name": {"a", "v1.2/x", "a/v1.2/x"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := tree.Resolve(tree.Place{}, c.dir, c.ref)
			if err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestDocumentsWeighsAliases(t *testing.T) {
	limits := tree.DefaultLimits()
	limits.Nodes = 50
	small := "a: &a [1, 2, 3]\nb: [*a, *a]\n"
	if _, err := tree.Documents("x.yaml", []byte(small), limits); err != nil {
		t.Errorf("a few aliases are refused: %v", err)
	}
	large := "a: &a [1, 2, 3]\nb: [" + strings.Repeat("*a, ", 20) + "]\n"
	if _, err := tree.Documents("x.yaml", []byte(large), limits); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("got %v, want a refusal: 24 nodes become more than 50", err)
	}
}

func TestReaderLimits(t *testing.T) {
	fsys := fstest.MapFS{
		"a": {Data: make([]byte, 10)}, "b": {Data: make([]byte, 10)}, "c": {Data: make([]byte, 10)}, "large": {Data: make([]byte, 30)},
	}
	limits := tree.Limits{Files: 2, FileBytes: 20, Bytes: 25}
	cases := map[string]struct {
		read []string
		says string
	}{
		"within":         {[]string{"a", "b", "a", "b"}, ""},
		"too many files": {[]string{"a", "b", "c"}, "more than the 2 files"},
		"too large":      {[]string{"large"}, "more than 20 bytes"},
		"missing":        {[]string{"d"}, "does not exist"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := tree.NewReader(tree.FromFS(fsys), limits)
			var err error
			for _, file := range c.read {
				if _, err = r.File(context.Background(), tree.Place{File: "x", Line: 3, Field: "y"}, file); err != nil {
					break
				}
			}
			switch {
			case c.says == "" && err != nil:
				t.Error(err)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "x:3: y: ")):
				t.Errorf("got %v, want a refusal at x:3: y that says %q", err, c.says)
			}
		})
	}
}

// FuzzResolve holds Resolve to its promise: what it returns is inside.
func FuzzResolve(f *testing.F) {
	for _, seed := range [][2]string{{".", "a"}, {"a/b", "../../.."}, {"a", "//x"}, {"a", "..\\x"}, {"a", "x:y"}, {".", ".git"}, {"a", "b/.GIT/c"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, dir, ref string) {
		if dir = path.Clean("/" + dir)[1:]; dir == "" {
			dir = "."
		}
		got, err := tree.Resolve(tree.Place{}, dir, ref)
		if err != nil {
			return
		}
		if path.IsAbs(got) || got != path.Clean(got) || strings.HasPrefix(got+"/", "../") || strings.Contains(got, "://") {
			t.Errorf("Resolve(%q, %q) = %q", dir, ref, got)
		}
	})
}

// FuzzDocuments looks for YAML that stops the reader.
func FuzzDocuments(f *testing.F) {
	for _, seed := range []string{"a: 1\n", "a: &a [*a]\n", "---\n---\n", "[[[[", "? a\n: b\n", "%YAML 1.1\n---\na\n", "a: !!binary x\n", "- &x\n- *x\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		limits := tree.DefaultLimits()
		limits.Nodes, limits.Depth = 1000, 20
		if _, err := tree.Documents("x.yaml", []byte(text), limits); err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%v is no invalid error", err)
		}
	})
}

// Nothing is below a file, whatever the file system says.
func TestNothingIsBelowAFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, fsys := range map[string]fs.FS{"in memory": fstest.MapFS{"a.yaml": {}}, "on disk": os.DirFS(dir)} {
		if _, err := tree.FromFS(fsys).Look("a.yaml/b.yaml"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
