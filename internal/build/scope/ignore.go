package scope

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/slipway-dev/slipway/internal/fault"
)

const (
	// maxIgnoreBytes bounds an ignore file; what a larger one leaves out is not known.
	maxIgnoreBytes = 64 << 10
	// maxMatches bounds patterns times files of one walk.
	maxMatches = 20_000_000
)

// ignore is what an ignore file leaves out of a context. It serves one walk at a time.
type ignore struct {
	matcher *patternmatcher.PatternMatcher
	left    int // matches
}

// ignoreNames returns where the ignore file of a Dockerfile may be; the first counts.
func ignoreNames(dockerfile string) []string {
	return []string{dockerfile + ".dockerignore", ".dockerignore"}
}

// findIgnore returns the path of the ignore file in a tree, empty for none, and its
// object id. It reports that this is not certain when there is a link in its place, which
// some builders follow.
func findIgnore(tree Tree, context, dockerfile string) (name, id string, certain bool, err error) {
	for _, name := range ignoreNames(dockerfile) {
		mode, id, err := tree.Entry(path.Join(context, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil || mode.IsRegular():
			return name, id, true, err
		case mode&fs.ModeSymlink != 0:
			return "", "", false, nil
		}
	}
	return "", "", true, nil
}

// readIgnore reads an ignore file. It is nil when nothing is left out: there is none, or
// it can't be read as one, in which case it isn't certain what a builder makes of it.
func readIgnore(tree Tree, context, name string) (made *ignore, certain bool, err error) {
	if name == "" {
		return nil, true, nil
	}
	data, err := fs.ReadFile(tree, path.Join(context, name))
	if err != nil || len(data) > maxIgnoreBytes {
		return nil, false, err
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(data))
	if err != nil {
		return nil, false, nil //nolint:nilerr // a builder says so, and nothing is left out
	}
	if len(patterns) == 0 {
		return nil, true, nil
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil || !compile(patterns) {
		return nil, false, nil //nolint:nilerr // as above
	}
	return &ignore{matcher: matcher, left: maxMatches}, true, nil
}

// compile reports whether all patterns are well formed, some of which only show it when
// something is compared with them.
func compile(patterns []string) bool {
	for _, pattern := range patterns {
		one, err := patternmatcher.New([]string{strings.TrimPrefix(pattern, "!")})
		if err == nil {
			_, err = one.MatchesOrParentMatches("x")
		}
		if err != nil {
			return false
		}
	}
	return true
}

// match reports whether a path is left out. Above is what match said of the directory
// around it; the zero value looks at all that are around it.
func (i *ignore) match(name string, above patternmatcher.MatchInfo) (out bool, info patternmatcher.MatchInfo, err error) {
	if i == nil {
		return false, above, nil
	}
	if i.left -= len(i.matcher.Patterns()); i.left < 0 {
		return false, above, fault.New(fault.Invalid, "the ignore file of the build has %d patterns, too many for so many files: more than %d comparisons; write fewer patterns, or make the context smaller", len(i.matcher.Patterns()), maxMatches)
	}
	return i.matcher.MatchesUsingParentResults(name, above)
}

// prunes reports whether nothing below a directory that is left out comes back.
func (i *ignore) prunes() bool { return !i.matcher.Exclusions() }
