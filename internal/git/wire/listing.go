package wire

import (
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/slipway-dev/slipway/internal/git"
)

// Listing is what a remote advertised, filtered by the wanted patterns.
type Listing struct {
	caps *capability.List
	Head string            // full name of the default branch
	Refs map[string]Target // full ref name → target
}

// Target is what a ref points at.
type Target struct {
	Object plumbing.Hash // the advertised object: a tag object for an annotated tag
	Commit plumbing.Hash // the peeled object
}

func wanted(ref string, patterns []string) bool {
	for _, p := range patterns {
		if matchRef(p, ref) {
			return true
		}
	}
	return false
}

// defaultBranch reads HEAD's target from the capabilities. Servers too old to
// name it only give HEAD's commit: then it is the one branch at that commit,
// main or master first.
func (a *advertisement) defaultBranch() string {
	for _, symref := range a.caps.Get(capability.SymRef) {
		if target, ok := strings.CutPrefix(symref, "HEAD:"); ok && plumbing.ReferenceName(target).Validate() == nil {
			return target
		}
	}
	best := ""
	for _, ref := range a.refs {
		if a.head.IsZero() || ref.object != a.head || !strings.HasPrefix(ref.name, "refs/heads/") {
			continue
		}
		if best == "" || rank(ref.name) < rank(best) {
			best = ref.name
		}
	}
	return best
}

func rank(ref string) string {
	switch ref {
	case "refs/heads/main":
		return "0"
	case "refs/heads/master":
		return "1"
	}
	return "2" + ref
}

// SupportsShallow reports whether the server can leave history out.
func (l *Listing) SupportsShallow() bool { return l.caps.Supports(capability.Shallow) }

// Heads returns the listing for callers.
func (l *Listing) Heads() git.Heads {
	h := git.Heads{Default: l.Head, Refs: make(map[string]string, len(l.Refs))}
	for name, t := range l.Refs {
		h.Refs[name] = t.Commit.String()
	}
	return h
}
