package project

import "strings"

const (
	branchPrefix = "refs/heads/"
	tagPrefix    = "refs/tags/"
)

// Pattern reports whether the rule makes one stage per matching branch. A tag
// rule makes one stage, which the newest matching tag feeds.
func (s Stage) Pattern() bool { return strings.Contains(s.Branch, "*") }

// Feeds reports whether a full ref feeds the stage. Branch rules match refs
// below refs/heads/, tag rules those below refs/tags/, and both only what
// follows that prefix: the branch main, the tag main and a branch that is
// itself called refs/heads/main are three different things.
func (s Stage) Feeds(ref string) bool {
	if branch, ok := strings.CutPrefix(ref, branchPrefix); ok {
		return s.Branch != "" && Glob(s.Branch, branch)
	}
	if tag, ok := strings.CutPrefix(ref, tagPrefix); ok {
		return s.Tag != "" && Glob(s.Tag, tag)
	}
	return false
}

// Match is a stage rule that a ref feeds.
type Match struct {
	Rule Stage
	// PerRef is true when the rule makes a stage of its own for the ref, whose
	// name naming.StageForRef gives; else the stage has the rule's name.
	PerRef bool
}

// StageFor returns the rules that a full ref (refs/heads/main) feeds, in the
// file's order.
func StageFor(file *File, ref string) []Match {
	var matches []Match
	for _, stage := range file.Stages {
		if stage.Feeds(ref) {
			matches = append(matches, Match{Rule: stage, PerRef: stage.Pattern()})
		}
	}
	return matches
}

// Accepts reports whether pull requests against a branch (its short name) get
// previews; an empty list of branches accepts all.
func (p *Previews) Accepts(branch string) bool {
	if p == nil {
		return false
	}
	for _, into := range p.Into {
		if Glob(into, branch) {
			return true
		}
	}
	return len(p.Into) == 0
}

// Glob reports whether the whole of name matches a pattern: * stands for any
// text without a slash, also none, ** for any text; every other character
// stands for itself. Its time is at most the product of both lengths.
func Glob(pattern, name string) bool {
	// open[i] says that the pattern read so far matches name[:i].
	open := make([]bool, len(name)+1)
	open[0] = true
	for p := 0; p < len(pattern); p++ {
		if pattern[p] != '*' {
			advance(open, name, pattern[p])
			continue
		}
		deep := p+1 < len(pattern) && pattern[p+1] == '*'
		for i := range len(name) {
			open[i+1] = open[i+1] || open[i] && (deep || name[i] != '/')
		}
		if deep {
			p++
		}
	}
	return open[len(name)]
}

// advance moves every open position over the character c.
func advance(open []bool, name string, c byte) {
	for i := len(name); i > 0; i-- {
		open[i] = open[i-1] && name[i-1] == c
	}
	open[0] = false
}
