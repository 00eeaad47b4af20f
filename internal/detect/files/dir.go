package files

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Dir is one directory of a tree. Names are relative to it.
type Dir struct {
	*Tree
	// Path is from the repository's root; "." is the root.
	Path string
}

// At returns a directory below.
func (d Dir) At(name string) Dir { return Dir{d.Tree, path.Join(d.Path, name)} }

// Join returns the path from the root of something in the directory.
func (d Dir) Join(name string) string { return path.Join(d.Path, name) }

// Has reports whether the directory has a file of the name.
func (d Dir) Has(name string) bool { return d.Tree.Has(d.Join(name)) }

// HasDirectory reports whether the directory has one of the name.
func (d Dir) HasDirectory(name string) bool { return d.Tree.HasDirectory(d.Join(name)) }

// Text returns the beginning of a file.
func (d Dir) Text(name string) string { return d.Tree.Text(d.Join(name)) }

// Present returns those of the names that the directory has.
func (d Dir) Present(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !d.Has(name) })
}

// First returns the first of the names that the directory has, empty when it
// has none.
func (d Dir) First(names ...string) string {
	if present := d.Present(names...); len(present) > 0 {
		return present[0]
	}
	return ""
}

// Match returns the names in the directory that match a pattern (*.csproj).
func (d Dir) Match(pattern string) []string {
	return slices.DeleteFunc(slices.Clone(d.Names(d.Path)), func(name string) bool {
		matched, err := filepath.Match(pattern, name)
		return err != nil || !matched
	})
}

// Sources returns the beginnings of the sources with one of the suffixes, in
// the directory and below it, for looking for a word in them. It reads at most
// so many files, and no tests.
func (d Dir) Sources(most int, suffixes ...string) string {
	var all strings.Builder
	for _, name := range d.Below(d.Path, 20_000) {
		if !slices.Contains(suffixes, path.Ext(name)) || isTest(name) {
			continue
		}
		if most--; most < 0 {
			break
		}
		all.WriteString(d.Tree.Text(name))
		all.WriteByte('\n')
	}
	return all.String()
}

// isTest reports whether a source is a test by its name.
func isTest(name string) bool {
	base := path.Base(name)
	return strings.Contains(base, "_test.") || strings.Contains(base, ".test.") || strings.Contains(base, ".spec.") || strings.HasPrefix(base, "test_")
}
