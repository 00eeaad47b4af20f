package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Layout is one cluster's three folders, absolute and without symbolic links,
// because paths are compared with those of the kernel's mount table. Source and
// Cache may be empty in one that Existing made.
type Layout struct {
	// Source is the folder of the devcluster module in the checkout.
	Source string
	// Cache holds compiled programs and base images; clusters share it.
	Cache string
	// Run holds everything of this cluster and goes with it.
	Run string
}

// marker is the file that tells the module's folder from others.
const marker = "components/kubernetes/go.mod"

// Resolve completes the three folders: an empty source is looked for from the
// working folder upwards; empty cache and run folders are in the checkout.
func Resolve(source, cache, run string) (Layout, error) {
	source, err := findSource(source)
	if err != nil {
		return Layout{}, err
	}
	checkout := filepath.Dir(filepath.Dir(source)) // cmd/devcluster is two levels deep
	if cache == "" {
		cache = filepath.Join(checkout, ".cache", "devcluster", "cache")
	}
	if run == "" {
		run = filepath.Join(checkout, ".cache", "devcluster", "run")
	}
	layout := Layout{Source: source}
	if layout.Cache, err = absolute(cache); err != nil {
		return Layout{}, err
	}
	if layout.Run, err = absolute(run); err != nil {
		return Layout{}, err
	}
	if inside(layout.Cache, layout.Run) || inside(layout.Run, layout.Cache) {
		return Layout{}, fmt.Errorf("the cluster's folder %s and the cache %s contain each other, but the first is removed by down: choose others with --dir and --cache", layout.Run, layout.Cache)
	}
	return layout, nil
}

// Existing is the layout for commands that only deal with a cluster that is
// there: with a run folder they work outside of a checkout too, so that a
// cluster can be removed after its checkout was.
func Existing(source, cache, run string) (Layout, error) {
	whole, err := Resolve(source, cache, run)
	if err == nil || run == "" {
		return whole, err
	}
	resolved, absoluteErr := absolute(run)
	if absoluteErr != nil {
		return Layout{}, absoluteErr
	}
	if cache == "" {
		return Layout{Run: resolved}, nil
	}
	cache, err = absolute(cache)
	return Layout{Cache: cache, Run: resolved}, err
}

// findSource looks for the module in start (the working folder when empty) and
// every folder above it.
func findSource(start string) (string, error) {
	asked := start
	if start == "" {
		working, err := os.Getwd()
		if err != nil {
			return "", fmt.Errorf("find the working folder: %w", err)
		}
		start = working
	}
	start, err := filepath.Abs(start)
	if err != nil {
		return "", fmt.Errorf("find source folder %s: %w", asked, err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		for _, candidate := range []string{dir, filepath.Join(dir, "cmd", "devcluster")} {
			if _, err := os.Stat(filepath.Join(candidate, marker)); err == nil {
				return filepath.EvalSymlinks(candidate)
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no checkout with cmd/devcluster at or above %s: run in the checkout or name it with --source", start)
		}
	}
}

// absolute also resolves symbolic links of the part of path that exists.
func absolute(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", path, err)
	}
	rest := ""
	for existing := path; ; existing = filepath.Dir(existing) {
		real, err := filepath.EvalSymlinks(existing)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("resolve %s: %w", path, err)
		}
		rest = filepath.Join(filepath.Base(existing), rest)
	}
}

// inside says whether path is dir or lies in it.
func inside(dir, path string) bool {
	relative, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(relative)
}

// Bin is the folder of links to every compiled program.
func (l Layout) Bin() string { return filepath.Join(l.Cache, "bin") }

// Kubeconfig is the cluster administrator's.
func (l Layout) Kubeconfig() string { return filepath.Join(l.Run, "kubeconfig") }

// File is a path in the cluster's folder.
func (l Layout) File(elements ...string) string {
	return filepath.Join(append([]string{l.Run}, elements...)...)
}
