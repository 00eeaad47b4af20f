package projectfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Problem is one mistake in a project file.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// Path is where in the file: services.web.port, stages[0].name, or "file".
	Path string `json:"path"`
	// What is wrong, and the Remedy: what to do.
	What   string `json:"what"`
	Remedy string `json:"remedy"`

	// beyond says that the schema can't know this.
	beyond bool
}

// Error returns file:line:column: path: what is wrong; what to do.
func (p Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s; %s", p.File, p.Line, p.Column, p.Path, p.What, p.Remedy)
}

// same reports whether both say the same about the same place.
func (p Problem) same(other Problem) bool {
	p.beyond = other.beyond
	return p == other
}

// Problems are the mistakes of one file, sorted by position. They are an
// error with code fault.Invalid.
type Problems []Problem

// Error returns one problem per line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// As makes the problems a coded error for fault.CodeOf and fault.MessageOf.
func (p Problems) As(target any) bool {
	coded, ok := target.(**fault.Error)
	if ok {
		*coded = &fault.Error{Code: fault.Invalid, Message: p.Error()}
	}
	return ok
}

// report collects problems.
type report struct {
	file     string
	problems Problems
	// overfull says that some list or map has more items than allowed; what
	// compares all items with each other is then left undone.
	overfull bool
}

// newReport makes a report for the file of a name.
func newReport(file string) *report { return &report{file: file} }

// addNew takes over the problems of another report of the same file that are
// not known here, with a remark about where they arise. The schema can't know
// them.
func (r *report) addNew(other *report, where string) {
	for _, p := range other.problems {
		if !slices.ContainsFunc(r.problems, p.same) {
			p.What, p.beyond = p.What+where, true
			r.problems = append(r.problems, p)
		}
	}
}

// full reports whether enough problems are known to stop looking for more: a
// hostile file must not buy a suggestion for each of its thousand mistakes.
func (r *report) full() bool { return len(r.problems) >= 20*MaxProblems }

// structural adds a problem that the schema knows as well.
func (r *report) structural(at place, path, what, remedy string) {
	r.add(at, path, what, remedy, false)
}

// beyond adds a problem that only the reader can know.
func (r *report) beyond(at place, path, what, remedy string) {
	r.add(at, path, what, remedy, true)
}

func (r *report) add(at place, path, what, remedy string, beyond bool) {
	const longest = 400
	switch {
	case path == "":
		path = "file"
	case len(path) > longest:
		path = strings.ToValidUTF8(path[:longest], "") + "…"
	}
	r.problems = append(r.problems, Problem{
		File: r.file, Line: max(at.line, 1), Column: max(at.column, 1),
		Path: path, What: what, Remedy: remedy, beyond: beyond,
	})
}

// err returns the problems in order of position, without repetitions, or nil
// when there are none.
func (r *report) err() error {
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
