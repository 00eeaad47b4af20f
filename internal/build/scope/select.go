package scope

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
)

// maxRoots bounds the paths that the sources match; beyond it the whole context is
// read.
const maxRoots = 10_000

// Tree is a commit's tree, or another one whose objects have ids.
type Tree interface {
	fs.FS
	// Entry returns the mode of what is at a path and its object id. Nothing is
	// followed: where something on the way is no directory, it is what is returned.
	Entry(path string) (fs.FileMode, string, error)
	// Type returns the type of what Entry returns.
	Type(path string) (fs.FileMode, error)
	// ReadDir lists a directory; only names and types are looked at.
	ReadDir(path string) ([]fs.DirEntry, error)
}

// Selection is a scope on one tree: the files that a build may read.
type Selection struct {
	tree    Tree
	context string
	scope   Scope
	ignored string // path of the ignore file below the context, empty for none
	id      string // its object id
	ignore  *ignore
	// Unknown is true when builders may leave out something else than ignore says.
	unknown bool
	roots   map[string][]string // paths below the context, by source
}

// On finds the files of a scope in the context of a tree. Errors are those of
// reading the tree.
func (s Scope) On(tree Tree, context string) (*Selection, error) {
	made := &Selection{tree: tree, context: context, scope: s}
	var found, read bool
	var err error
	if made.ignored, made.id, found, err = findIgnore(tree, context, s.Dockerfile); err != nil {
		return nil, fmt.Errorf("look for the ignore file: %w", err)
	}
	if made.ignore, read, err = readIgnore(tree, context, made.ignored); err != nil {
		return nil, fmt.Errorf("read %s: %w", made.ignored, err)
	}
	made.unknown = !found || !read
	if made.roots, err = made.resolve(); errors.Is(err, errUncertain) || err == nil && !found {
		made.roots, err = map[string][]string{whole: {whole}}, nil
	}
	return made, err
}

// IgnoreFile returns the object id of the ignore file, empty when there is none.
func (s *Selection) IgnoreFile() string { return s.id }

// IsWhole reports whether all that isn't ignored is selected.
func (s *Selection) IsWhole() bool { _, is := s.roots[whole]; return is }

// errUncertain says that builders may read something else than the sources say.
var errUncertain = errors.New("uncertain")

// resolve returns what each source matches.
func (s *Selection) resolve() (map[string][]string, error) {
	found, count := map[string][]string{}, 0
	for _, source := range s.scope.Sources {
		roots, err := s.match(source)
		if err != nil {
			return nil, err
		}
		if count += len(roots); count > maxRoots {
			return nil, errUncertain
		}
		found[source] = roots
	}
	return found, nil
}

// Find returns the paths below the context that a source of COPY or ADD matches, sorted.
// It reports that this is not certain when the source leads through a link, or to one,
// or is read by each builder in its own way, as is the ignore file.
func (s *Selection) Find(source string) (paths []string, certain bool, err error) {
	source = clean(source)
	if isStrange(source) || s.unknown {
		return nil, false, nil
	}
	paths, err = s.match(source)
	if errors.Is(err, errUncertain) {
		return nil, false, nil
	}
	return paths, err == nil, err
}

// match returns the paths below the context that a source matches, sorted.
func (s *Selection) match(source string) ([]string, error) {
	at := []string{whole}
	if source == whole {
		return at, nil
	}
	parts := strings.Split(source, "/")
	for i, part := range parts {
		var next []string
		for _, dir := range at {
			found, err := s.matchPart(dir, part, i == len(parts)-1)
			if err != nil {
				return nil, err
			}
			next = append(next, found...)
		}
		if len(next) > maxRoots {
			return nil, errUncertain
		}
		at = next
	}
	return at, nil
}

// matchPart returns the paths in a directory that one part of a source matches; those of
// the last part may be files.
func (s *Selection) matchPart(dir, part string, last bool) ([]string, error) {
	names, err := matchNames(s.tree, path.Join(s.context, dir), part)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range names {
		name = path.Join(dir, name)
		mode, err := s.tree.Type(path.Join(s.context, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case mode&fs.ModeSymlink != 0:
			return nil, errUncertain
		case mode.IsDir() || last:
			found = append(found, name)
		}
	}
	return found, nil
}

// matchNames returns the names in a directory that one part of a source matches.
func matchNames(tree Tree, dir, part string) ([]string, error) {
	if !hasWildcard(part) {
		return []string{part}, nil
	}
	entries, err := tree.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		matches, err := path.Match(part, entry.Name())
		if entry.Name() == part && !matches {
			return nil, errUncertain // a[1].txt is the name of a file
		}
		if err == nil && matches {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Visit is called for each selected path below the context, directories before what
// is in them.
type Visit func(name string, mode fs.FileMode) error

// Walk calls visit for everything that the build may read of the context, each path
// once; directories around a source are left out. Errors are those of visit, of ctx and
// of reading the tree.
func (s *Selection) Walk(ctx context.Context, visit Visit) error {
	always := []string{s.scope.Dockerfile, s.ignored}
	for _, name := range slices.Compact(always) {
		if name == "" {
			continue
		}
		mode, err := s.tree.Type(path.Join(s.context, name))
		if err == nil {
			err = visit(name, mode)
		}
		if err != nil {
			return err
		}
	}
	var roots []string
	for _, matched := range s.roots {
		roots = append(roots, matched...)
	}
	return s.walkAll(ctx, outermost(roots), func(name string, mode fs.FileMode) error {
		if slices.Contains(always, name) {
			return nil
		}
		return visit(name, mode)
	})
}

// Below calls visit for what is at a path below the context and for all below it, without
// what is ignored; the context itself is not visited.
func (s *Selection) Below(ctx context.Context, name string, visit Visit) error {
	return s.walkAll(ctx, []string{name}, visit)
}

// outermost leaves out what is repeated or below another path.
func outermost(paths []string) []string {
	if slices.Contains(paths, whole) {
		return []string{whole}
	}
	slices.Sort(paths)
	var kept []string
	have := map[string]bool{}
	for _, name := range paths {
		inside := have[name]
		for dir := path.Dir(name); dir != whole && !inside; dir = path.Dir(dir) {
			inside = have[dir]
		}
		if !inside {
			kept, have[name] = append(kept, name), true
		}
	}
	return kept
}

// walkAll walks below roots.
func (s *Selection) walkAll(ctx context.Context, roots []string, visit Visit) error {
	if s.ignore != nil {
		s.ignore.left = maxMatches
	}
	w := &walker{Selection: s, visit: visit}
	for _, root := range roots {
		mode, err := s.tree.Type(path.Join(s.context, root))
		if err == nil {
			err = w.walk(ctx, root, mode, patternmatcher.MatchInfo{})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// walker visits what isn't ignored.
type walker struct {
	*Selection
	visit   Visit
	pending []string // directories that are left out, around what may come back
}

func (w *walker) walk(ctx context.Context, name string, mode fs.FileMode, above patternmatcher.MatchInfo) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	info, skip, err := w.enter(name, mode, above)
	if err != nil || skip {
		return err
	}
	if !mode.IsDir() {
		return nil
	}
	entries, err := w.tree.ReadDir(path.Join(w.context, name))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := w.walk(ctx, path.Join(name, entry.Name()), entry.Type(), info); err != nil {
			return err
		}
	}
	w.pending = slices.DeleteFunc(w.pending, func(dir string) bool { return dir == name })
	return nil
}

// enter visits a path unless it is left out, and reports whether what is below it is, too.
func (w *walker) enter(name string, mode fs.FileMode, above patternmatcher.MatchInfo) (info patternmatcher.MatchInfo, skip bool, err error) {
	if name == whole {
		return above, false, nil
	}
	out, info, err := w.ignore.match(name, above)
	switch {
	case err != nil:
		return info, true, err
	case !out:
		return info, false, w.emit(name, mode)
	case !mode.IsDir() || w.ignore.prunes():
		return info, true, nil
	}
	w.pending = append(w.pending, name)
	return info, false, nil
}

// emit visits a path, after the directories around it that were left out.
func (w *walker) emit(name string, mode fs.FileMode) error {
	for _, dir := range w.pending {
		if err := w.visit(dir, fs.ModeDir); err != nil {
			return err
		}
	}
	w.pending = w.pending[:0]
	return w.visit(name, mode)
}
