package files

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

const (
	// MaxFile is how many bytes of a file are read.
	MaxFile = 256 << 10
	// maxBytes is how many bytes are read of all files together.
	maxBytes = 64 << 20
	// maxEntries is how many names of files and directories are looked at.
	maxEntries = 100_000
	// maxDirectories is how many directories are looked into.
	maxDirectories = 10_000
	// maxDepth is how many directories deep is looked.
	maxDepth = 10
	// maxComments bounds what is said of files that can't be read.
	maxComments = 10
)

// Tree is a repository's files. It is not safe for concurrent use.
type Tree struct {
	source      tree.Source
	directories []string // nearest to the top first, then by name
	names       map[string][]string
	bytes       int
	comments    []string
}

// Look lists the files of a repository.
func Look(fsys fs.FS) (*Tree, error) {
	t := &Tree{source: tree.FromFS(fsys), names: map[string][]string{}}
	if _, err := t.source.List("."); err != nil {
		return nil, fmt.Errorf("list the repository: %w", err)
	}
	level, entries := []string{"."}, 0
	for depth := 0; len(level) > 0; depth++ {
		if depth > maxDepth {
			t.comment("directories more than %d levels deep were not looked into, like %.80q", maxDepth, level[0])
			break
		}
		var below []string
		for _, dir := range level {
			if len(t.directories) >= maxDirectories || entries >= maxEntries {
				t.comment("the repository is large: only its first %d directories were looked into", len(t.directories))
				return t, nil
			}
			inner, count := t.list(dir)
			entries += count
			below = append(below, inner...)
		}
		level = below
	}
	return t, nil
}

// list takes the files of one directory, and returns the directories in it.
func (t *Tree) list(dir string) (below []string, count int) {
	listed, err := t.source.List(dir)
	if err != nil {
		t.comment("%.80q can't be listed: %v", dir, reason(err))
		return nil, 0
	}
	t.directories = append(t.directories, dir)
	for _, entry := range listed {
		switch name := path.Join(dir, entry.Name); {
		case !usable(entry.Name):
		case entry.Mode.IsRegular():
			t.names[dir] = append(t.names[dir], entry.Name)
		case entry.Mode.IsDir() && !generated(entry.Name):
			below = append(below, name)
		}
	}
	return below, len(listed)
}

// usable reports whether a name can stand in a project file.
func usable(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == 0xfffd })
}

// generated reports whether a directory holds what is not the team's own work.
func generated(name string) bool {
	return name != ".mogenius" && strings.HasPrefix(name, ".") ||
		slices.Contains([]string{"vendor", "node_modules", "bower_components", "testdata", "third_party", "__pycache__", "venv", "site-packages", "target"}, name)
}

// Source returns what the tree reads.
func (t *Tree) Source() tree.Source { return t.source }

// Directories returns all directories, those nearest to the top first.
func (t *Tree) Directories() []string { return t.directories }

// Names returns the names of the files in a directory, sorted.
func (t *Tree) Names(dir string) []string { return t.names[path.Clean(dir)] }

// Has reports whether a regular file is at the path, also where nothing was
// looked for.
func (t *Tree) Has(name string) bool {
	if !fs.ValidPath(name) {
		return false
	}
	mode, err := t.source.Look(name)
	return err == nil && mode.IsRegular()
}

// HasDirectory reports whether a directory is at the path.
func (t *Tree) HasDirectory(name string) bool {
	if !fs.ValidPath(name) {
		return false
	}
	mode, err := t.source.Look(name)
	return err == nil && mode.IsDir()
}

// Below returns the paths of the files in a directory and below it that were
// found, at most so many.
func (t *Tree) Below(dir string, most int) []string {
	var all []string
	for _, candidate := range t.directories {
		if !tree.Inside(dir, candidate) {
			continue
		}
		for _, name := range t.names[candidate] {
			if len(all) == most {
				return all
			}
			all = append(all, path.Join(candidate, name))
		}
	}
	return all
}

// Text returns the beginning of a file, empty when there is none. A file that
// is there and can't be read is among the comments.
func (t *Tree) Text(name string) string {
	if !fs.ValidPath(name) || t.bytes >= maxBytes {
		return ""
	}
	data, err := t.source.Read(name, MaxFile)
	var irregular *tree.Irregular
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &irregular):
		return ""
	case err != nil:
		t.comment("%.80q can't be read: %v", name, reason(err))
		return ""
	}
	if t.bytes += len(data); t.bytes >= maxBytes {
		t.comment("the files that matter have more than %d MiB: some were not read", maxBytes>>20)
	}
	return string(data)
}

// Comments returns sentences on what was not looked at.
func (t *Tree) Comments() []string { return t.comments }

func (t *Tree) comment(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); len(t.comments) < maxComments && !slices.Contains(t.comments, text) {
		t.comments = append(t.comments, text)
	}
}

// reason is an error without the path, which is said already.
func reason(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
