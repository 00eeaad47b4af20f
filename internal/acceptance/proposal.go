package acceptance

import (
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
)

// Proposal is whose pushes made the changes that wait. The zero Proposal is of no
// changes.
type Proposal struct {
	// Authors are the logins of those who pushed any of them.
	Authors []string
	// Unknown is true when it can't be told who pushed some of them.
	Unknown bool
}

// Push is a move of the trusted ref.
type Push struct {
	// By are the logins of those who may have pushed it; none means that nobody
	// knows.
	By []string
	// Before and After are the files of the commits that the ref was at. Before is
	// nil when it can't be read.
	Before, After *project.File
}

// Then returns the proposal after a push, given the file in force. A change is the
// author's whose push made it: whoever pushes something else on top of it does not
// vouch for it.
func (p Proposal) Then(accepted *project.File, push Push) Proposal {
	waiting := Compare(accepted, push.After)
	if len(waiting) == 0 {
		return Proposal{}
	}
	if push.Before == nil {
		return p.with(push.By, true)
	}
	own := Compare(push.Before, push.After)
	switch {
	case contains(own, waiting):
		return Proposal{}.with(push.By, len(push.By) == 0)
	case len(own) > 0:
		return p.with(push.By, len(push.By) == 0)
	case len(p.Authors) == 0:
		return p.with(nil, true)
	}
	return p
}

// with adds authors.
func (p Proposal) with(by []string, unknown bool) Proposal {
	authors := append(slices.Clone(p.Authors), by...)
	slices.Sort(authors)
	return Proposal{Authors: slices.Compact(authors), Unknown: p.Unknown || unknown}
}

// contains reports whether all has each of some changes.
func contains(all, some []Change) bool {
	for _, change := range some {
		if !slices.Contains(all, change) {
			return false
		}
	}
	return true
}
