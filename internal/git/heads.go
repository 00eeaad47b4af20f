package git

import (
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Heads are a remote's refs at one moment.
type Heads struct {
	Default string            // full name of the default branch ("refs/heads/main"); empty when the remote names none
	Refs    map[string]string // full ref name → commit id, annotated tags peeled
}

// listing is what a remote advertised, filtered by the wanted patterns.
type listing struct {
	caps *capability.List
	head string            // full name of the default branch
	refs map[string]target // full ref name → target
}

// target is what a ref points at.
type target struct {
	object plumbing.Hash // the advertised object: a tag object for an annotated tag
	commit plumbing.Hash // the peeled object
}

// newListing filters an advertisement.
func newListing(adv *packp.AdvRefs, patterns []string, limit int) (*listing, error) {
	if len(adv.References) > limit {
		return nil, fault.New(fault.Invalid, "the repository lists %d refs, more than the limit of %d; delete refs that are no longer needed or raise the limit", len(adv.References), limit)
	}
	l := &listing{caps: adv.Capabilities, refs: make(map[string]target)}
	for name, object := range adv.References {
		if !wanted(name, patterns) || plumbing.ReferenceName(name).Validate() != nil {
			continue
		}
		t := target{object: object, commit: object}
		if peeled, ok := adv.Peeled[name]; ok {
			t.commit = peeled
		}
		l.refs[name] = t
	}
	l.head = defaultBranch(adv)
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

// shallowSupported reports whether the server can leave history out.
func (l *listing) shallowSupported() bool { return l.caps.Supports(capability.Shallow) }

// heads returns the listing for callers.
func (l *listing) heads() Heads {
	h := Heads{Default: l.head, Refs: make(map[string]string, len(l.refs))}
	for name, t := range l.refs {
		h.Refs[name] = t.commit.String()
	}
	return h
}
