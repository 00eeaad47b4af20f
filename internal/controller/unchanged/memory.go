package unchanged

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"k8s.io/utils/lru"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/report"
)

// maxProjects bounds the memory of projects.
const maxProjects = 8192

// memory remembers projects. It can be lost: a project's status says what all of
// it was reported as.
type memory struct{ projects *lru.Cache } // types.UID → *reported

// reported is what is known of one project, on which one reconciliation works at a
// time.
type reported struct {
	facts  facts  // that were reported; nil before anything is known
	status string // the fingerprint in the project's status, which the watch cache may not show yet
	seen   string // the fingerprint a while ago
}

func newMemory() memory { return memory{lru.New(maxProjects)} }

// of returns what is known of a project.
func (m memory) of(p *v1alpha1.Project) *reported {
	if known, found := m.projects.Get(p.UID); found {
		return known.(*reported)
	}
	known := &reported{status: p.Status.Reported}
	m.projects.Add(p.UID, known)
	return known
}

// facts are what reports are about, each in a line. A report of nothing new is not
// sent, such as one of fewer stages because others got another commit.
type facts map[string]bool

func factsOf(reports []report.Unchanged) facts {
	all := facts{}
	for _, r := range reports {
		all.add(r)
	}
	return all
}

// lines returns the facts that a report is about: where it is shown, and how each of
// its stages stands.
func lines(r report.Unchanged) []string {
	var all []string
	for _, stage := range r.Stages {
		all = append(all, strings.Join([]string{r.Commit, r.Stage, stage, string(r.Step)}, " "))
	}
	return all
}

func (f facts) add(r report.Unchanged) {
	for _, line := range lines(r) {
		f[line] = true
	}
}

// has reports whether all that a report is about is among the facts.
func (f facts) has(r report.Unchanged) bool {
	return !slices.ContainsFunc(lines(r), func(line string) bool { return !f[line] })
}

// fingerprint returns 32 hexadecimal digits that change with the facts; none is
// empty.
func (f facts) fingerprint() string {
	if len(f) == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join(slices.Sorted(maps.Keys(f)), "\n")))
	return hex.EncodeToString(sum[:16])
}
