package wire

import (
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/slipway-dev/slipway/internal/fault"
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

// newListing filters an advertisement.
func newListing(adv *packp.AdvRefs, patterns []string, limit int) (*Listing, error) {
	if len(adv.References) > limit {
		return nil, fault.New(fault.Invalid, "the repository lists %d refs, more than the limit of %d; delete refs that are no longer needed or raise the limit", len(adv.References), limit)
	}
	l := &Listing{caps: adv.Capabilities, Refs: make(map[string]Target)}
	for name, object := range adv.References {
		if !wanted(name, patterns) || plumbing.ReferenceName(name).Validate() != nil {
			continue
		}
		t := Target{Object: object, Commit: object}
		if peeled, ok := adv.Peeled[name]; ok {
			t.Commit = peeled
		}
		l.Refs[name] = t
	}
	l.Head = defaultBranch(adv)
	return l, nil
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
func defaultBranch(adv *packp.AdvRefs) string {
	for _, symref := range adv.Capabilities.Get(capability.SymRef) {
		if target, ok := strings.CutPrefix(symref, "HEAD:"); ok && plumbing.ReferenceName(target).Validate() == nil {
			return target
		}
	}
	if adv.Head == nil {
		return ""
	}
	var same []string
	for name, object := range adv.References {
		if object == *adv.Head && strings.HasPrefix(name, "refs/heads/") {
			same = append(same, name)
		}
	}
	sort.Slice(same, func(i, j int) bool { return rank(same[i]) < rank(same[j]) })
	if len(same) == 0 {
		return ""
	}
	return same[0]
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
