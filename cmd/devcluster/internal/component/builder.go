package component

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/lock"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/progress"
)

// Builder compiles components. Several programs may use one cache at a time:
// the first compiles, the others wait for it.
type Builder struct {
	source, cache string
	report        *progress.Reporter
}

// NewBuilder builds from the devcluster module in source into cache.
func NewBuilder(source, cache string, report *progress.Reporter) *Builder {
	return &Builder{source: source, cache: cache, report: report}
}

// Build returns the folder that holds the component's programs, compiling them
// when the sources, the settings or the compiler changed since.
func (b *Builder) Build(ctx context.Context, component Component) (string, error) {
	source := filepath.Join(b.source, "components", component.Name)
	key, err := digest(source, component)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(b.cache, "components", component.Name+"-"+key)
	if !exists(folder) {
		if err := b.compileOnce(ctx, component, source, folder); err != nil {
			return "", err
		}
	}
	return folder, b.link(component, folder)
}

// compileOnce holds the component's lock, so that only one program compiles.
func (b *Builder) compileOnce(ctx context.Context, component Component, source, folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	verb := "compiling"
	if component.Expect != "" {
		verb = fmt.Sprintf("compiling (first time %s)", component.Expect)
	}
	return b.report.Step(component.Name, verb, func() error {
		held, err := lock.Acquire(ctx, filepath.Join(b.cache, "components", component.Name+".lock"))
		if err != nil {
			return err
		}
		defer held.Release()
		if exists(folder) {
			return nil // another program compiled it while we waited
		}
		return compile(ctx, component, source, folder)
	})
}

// compile builds beside the folder and renames it, so that a folder that exists
// is complete.
func compile(ctx context.Context, component Component, source, folder string) error {
	next := folder + ".next"
	if err := os.RemoveAll(next); err != nil {
		return fmt.Errorf("clean %s: %w", next, err)
	}
	if err := os.MkdirAll(next, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", next, err)
	}
	command := exec.CommandContext(ctx, "go", compilerArguments(component, next)...)
	command.Dir = source
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-buildvcs=false", "CGO_ENABLED="+cgo(component))
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("compile %s in %s: %w\n%s", component.Name, source, err, strings.TrimSpace(string(output)))
	}
	for name, program := range component.Links {
		if err := os.Symlink(program, filepath.Join(next, name)); err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	if err := os.Rename(next, folder); err != nil {
		return fmt.Errorf("keep compiled %s: %w", component.Name, err)
	}
	return nil
}

func compilerArguments(component Component, into string) []string {
	linker := "-s -w"
	for _, define := range component.Defines {
		linker += " -X " + define
	}
	args := []string{"build", "-trimpath", "-ldflags", linker, "-o", into + "/"}
	if component.Tags != "" {
		args = append(args, "-tags", component.Tags)
	}
	return append(args, component.Packages...)
}

func cgo(component Component) string {
	if component.CGO {
		return "1"
	}
	return "0"
}

// link makes the cache's bin folder point to the programs in folder.
func (b *Builder) link(component Component, folder string) error {
	bin := filepath.Join(b.cache, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", bin, err)
	}
	for _, name := range component.Programs() {
		if err := pointTo(filepath.Join(bin, name), filepath.Join(folder, name)); err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	return nil
}

// Programs lists the names of all programs of the component.
func (c Component) Programs() []string {
	var names []string
	for _, pkg := range c.Packages {
		name := path.Base(pkg)
		if pkg == "." {
			name = c.Name
		}
		names = append(names, name)
	}
	for name := range c.Links {
		names = append(names, name)
	}
	return names
}

// pointTo replaces link in one step; programs may be started through it meanwhile.
func pointTo(link, target string) error {
	if now, err := os.Readlink(link); err == nil && now == target {
		return nil
	}
	next := fmt.Sprintf("%s.%d.next", link, os.Getpid())
	if err := os.Symlink(target, next); err != nil {
		return err
	}
	return os.Rename(next, link)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
