package component

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/progress"
)

// module writes a component's sources: a program that prints its version.
func module(t *testing.T, source, body string) Component {
	t.Helper()
	dir := filepath.Join(source, "components", "tiny")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod":  "module example.org/tiny\n\ngo 1.26\n",
		"main.go": "package main\n\nvar version = \"none\"\n\nfunc main() { " + body + " }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Component{
		Name: "tiny", Packages: []string{"."}, Links: map[string]string{"alias": "tiny"},
		Defines: []string{"main.version=v1"}, Expect: "a second",
	}
}

func TestBuild(t *testing.T) {
	source, cache := t.TempDir(), t.TempDir()
	tiny := module(t, source, "print(version)")
	var told bytes.Buffer
	builder := NewBuilder(source, cache, progress.New(&told))

	first, err := builder.Build(t.Context(), tiny)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(first, "tiny"), filepath.Join(cache, "bin", "alias")} {
		if output, err := exec.Command(path).CombinedOutput(); err != nil || string(output) != "v1" {
			t.Errorf("%s prints %q (%v), want v1", path, output, err)
		}
	}
	if !strings.Contains(told.String(), "tiny: compiling (first time a second)") {
		t.Errorf("told %q", told.String())
	}

	told.Reset()
	if second, err := builder.Build(t.Context(), tiny); err != nil || second != first || told.Len() > 0 {
		t.Errorf("unchanged: %s (%v), told %q, want %s and nothing", second, err, told.String(), first)
	}

	module(t, source, "print(version + version)")
	third, err := builder.Build(t.Context(), tiny)
	if err != nil || third == first {
		t.Fatalf("changed sources: %s (%v), want another folder", third, err)
	}
	if output, err := exec.Command(filepath.Join(cache, "bin", "tiny")).CombinedOutput(); err != nil || string(output) != "v1v1" {
		t.Errorf("the link leads to a program that prints %q (%v)", output, err)
	}
	if _, err := os.Stat(filepath.Join(first, "tiny")); err != nil {
		t.Errorf("the program that a cluster may be running is gone: %v", err)
	}
}

func TestBuildTellsWhatIsWrong(t *testing.T) {
	source := t.TempDir()
	builder := NewBuilder(source, t.TempDir(), progress.New(io.Discard))
	if _, err := builder.Build(t.Context(), module(t, source, "missing()")); err == nil || !strings.Contains(err.Error(), "undefined: missing") {
		t.Errorf("error %v, want the compiler's words", err)
	}
	// What failed must not be taken for compiled.
	if _, err := builder.Build(t.Context(), module(t, source, "missing()")); err == nil {
		t.Error("the second time succeeds")
	}
}

func TestBuildersShareACache(t *testing.T) {
	source, cache := t.TempDir(), t.TempDir()
	tiny := module(t, source, "print(version)")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			folder, err := NewBuilder(source, cache, progress.New(io.Discard)).Build(t.Context(), tiny)
			if err != nil {
				t.Error(err)
			} else if _, err := os.Stat(filepath.Join(folder, "tiny")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestComponentsHaveSources(t *testing.T) {
	for _, component := range []Component{Kubernetes(), Containerd(), Runc(), CoreDNS(), Skipper(), Helm()} {
		if _, err := digest(filepath.Join("..", "..", "components", component.Name), component); err != nil {
			t.Error(err)
		}
		if len(component.Programs()) == 0 || component.Expect == "" {
			t.Errorf("%s has no programs or doesn't say how long it takes", component.Name)
		}
	}
}
