package syntax

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Report collects problems.
type Report struct {
	File     string
	problems Problems
	// Overfull says that some list or map has more items than allowed; what
	// compares all items with each other is then left undone.
	Overfull bool
}

// NewReport makes a report for the file of a name.
func NewReport(file string) *Report { return &Report{File: file} }

// AddNew takes over the problems of another report of the same file that are
// not known here, with a suffix that says where they arise. The schema can't know
// them.
func (r *Report) AddNew(other *Report, where string) {
	for _, p := range other.problems {
		if !slices.ContainsFunc(r.problems, p.same) {
			p.What, p.BeyondSchema = p.What+where, true
			r.problems = append(r.problems, p)
		}
	}
}

// Full reports whether enough problems are known to stop looking for more: a
// hostile file must not buy a suggestion for each of its thousand mistakes.
func (r *Report) Full() bool { return len(r.problems) >= 20*MaxProblems }

// Structural adds a problem that the schema knows as well.
func (r *Report) Structural(at Place, path, what, remedy string) {
	r.add(at, path, what, remedy, false)
}

// Beyond adds a problem that only the reader can know.
func (r *Report) Beyond(at Place, path, what, remedy string) {
	r.add(at, path, what, remedy, true)
}

func (r *Report) add(at Place, path, what, remedy string, beyond bool) {
	const longest = 400
	switch {
	case path == "":
		path = "file"
	case len(path) > longest:
		path = strings.ToValidUTF8(path[:longest], "") + "…"
	}
	r.problems = append(r.problems, Problem{
		File: r.File, Line: max(at.Line, 1), Column: max(at.Column, 1),
		Path: path, What: what, Remedy: remedy, BeyondSchema: beyond,
	})
}

// Err returns the problems in order of position, without repetitions, or nil
// when there are none.
func (r *Report) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.What, b.What), cmp.Compare(a.Remedy, b.Remedy))
	})
	problems := slices.CompactFunc(r.problems, Problem.same)
	if more := len(problems) - MaxProblems; more > 0 {
		last := problems[MaxProblems-1]
		last.Path, last.What = "file", fmt.Sprintf("%d more problems from here on are not shown", more+1)
		last.Remedy = "correct those above first"
		problems = append(problems[:MaxProblems-1:MaxProblems-1], last)
	}
	return problems
}
