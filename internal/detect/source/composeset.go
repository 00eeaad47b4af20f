package source

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
)

// composeName matches the names of Compose files.
var composeName = regexp.MustCompile(`(?i)^(?:docker-)?compose((?:[.-][\w-]+)*)\.ya?ml$`)

// maxComposeFiles is how many Compose files are looked at.
const maxComposeFiles = 200

// ComposeSet is Compose files that are used together.
type ComposeSet struct {
	Files []string
	// Beside are other files of the directory, which are not used.
	Beside []string
	// Purpose is the word that says that they are for development or tests.
	Purpose string
}

// ComposeSets returns the sets of Compose files of a repository, the one that
// is most likely meant first: that at the top, then those for production.
func ComposeSets(t *files.Tree) []ComposeSet {
	var sets []ComposeSet
	count := 0
	for _, dir := range t.Directories() {
		var bases, others []string
		for _, name := range t.Names(dir) {
			match := composeName.FindStringSubmatch(name)
			if match == nil || count >= maxComposeFiles {
				continue
			}
			count++
			if match[1] == "" {
				bases = append(bases, path.Join(dir, name))
			} else {
				others = append(others, path.Join(dir, name))
			}
		}
		sets = append(sets, setsOf(bases, others)...)
	}
	slices.SortStableFunc(sets, func(a, b ComposeSet) int { return a.rank() - b.rank() })
	return sets
}

// rank orders sets.
func (s ComposeSet) rank() int {
	rank := 100 * min(production(s.Files[len(s.Files)-1]), 9)
	if depth(s.Files[0]) == 0 && composeName.FindStringSubmatch(path.Base(s.Files[0]))[1] == "" {
		return 0
	}
	return rank + depth(s.Files[0])
}

// setsOf puts the Compose files of one directory together: the base with what
// completes it for production; each file alone where there is no base.
func setsOf(bases, others []string) []ComposeSet {
	if len(bases) == 0 {
		var sets []ComposeSet
		for _, name := range others {
			sets = append(sets, ComposeSet{Files: []string{name}, Purpose: Purpose(name), Beside: without(others, name)})
		}
		return sets
	}
	slices.SortFunc(bases, func(a, b string) int { return baseRank(a) - baseRank(b) })
	set := ComposeSet{Files: bases[:1], Beside: slices.Concat(bases[1:], others), Purpose: Purpose(path.Dir(bases[0]))}
	for _, name := range others {
		if production(path.Base(name)) == 0 {
			set.Files, set.Beside = []string{bases[0], name}, without(set.Beside, name)
			break
		}
	}
	return []ComposeSet{set}
}

// baseRank orders the names that Compose looks for.
func baseRank(name string) int {
	return slices.Index([]string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}, strings.ToLower(path.Base(name)))
}

// Override returns the set with the override that Compose takes by itself,
// false when there is none.
func (s ComposeSet) Override() (ComposeSet, bool) {
	for _, name := range s.Beside {
		if match := composeName.FindStringSubmatch(path.Base(name)); match != nil && match[1] == ".override" {
			return ComposeSet{Files: append(slices.Clone(s.Files[:1]), name), Beside: without(s.Beside, name), Purpose: s.Purpose}, true
		}
	}
	return ComposeSet{}, false
}

// Base returns the set of its first file alone.
func (s ComposeSet) Base() ComposeSet {
	return ComposeSet{Files: s.Files[:1], Beside: append(slices.Clone(s.Files[1:]), s.Beside...), Purpose: s.Purpose}
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}
