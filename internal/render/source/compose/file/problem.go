package file

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// maxProblems is how many problems one error lists.
const maxProblems = 50

// Problem is something that is wrong, or not as the file says, at a place.
type Problem struct {
	tree.Place
	Text string
}

// Problems are what was found in the files of one service.
type Problems struct {
	errors   []Problem
	warnings []Problem
	// empty are variables without a value, by file and line.
	empty map[tree.Place][]string
}

// Refuse adds an error.
func (p *Problems) Refuse(at tree.Place, format string, args ...any) {
	p.errors = append(p.errors, Problem{at, fmt.Sprintf(format, args...)})
}

// RefuseAs adds an error of another room, whose message says the place. What
// isn't the repository's fault is returned.
func (p *Problems) RefuseAs(at tree.Place, err error) error {
	if fault.CodeOf(err) != fault.Invalid {
		return err
	}
	p.errors = append(p.errors, Problem{at, strings.TrimPrefix(fault.MessageOf(err), at.String()+": ")})
	return nil
}

// Warn adds a warning.
func (p *Problems) Warn(at tree.Place, format string, args ...any) {
	p.warnings = append(p.warnings, Problem{at, fmt.Sprintf(format, args...)})
}

// take adds the problems of other files.
func (p *Problems) take(others *Compose) {
	p.errors = append(p.errors, others.errors...)
	p.warnings = append(p.warnings, others.warnings...)
	for at, names := range others.empty {
		if p.empty == nil {
			p.empty = map[tree.Place][]string{}
		}
		p.empty[at] = names
	}
}

// Any reports whether there are errors.
func (p *Problems) Any() bool { return len(p.errors) > 0 }

// Err returns all errors as one, sorted by place; nil when there are none.
func (p *Problems) Err() error {
	if len(p.errors) == 0 {
		return nil
	}
	sorted := sortedByPlace(p.errors)
	lines := make([]string, 0, min(len(sorted), maxProblems)+1)
	for i, problem := range sorted {
		if i == maxProblems {
			lines = append(lines, fmt.Sprintf("… and %d more", len(sorted)-i))
			break
		}
		lines = append(lines, problem.Place.String()+": "+problem.Text+p.emptyNear(problem))
	}
	return fault.New(fault.Invalid, "%s", strings.Join(lines, "\n"))
}

// emptyNear names the variables without a value where a problem is, because
// they may be its cause.
func (p *Problems) emptyNear(problem Problem) string {
	names := p.empty[tree.Place{File: problem.File, Line: problem.Line}]
	if len(names) == 0 || strings.Contains(problem.Text, "${"+names[0]+"}") {
		return ""
	}
	return fmt.Sprintf(" (${%s} has no value)", names[0])
}

// Warnings returns the warnings in words, sorted by place. Those that say the
// same of the same key of several services are one.
func (p *Problems) Warnings() []string {
	var texts []string
	var first []Problem
	others := map[int][]string{}
	for _, w := range sortedByPlace(p.warnings) {
		same := slices.IndexFunc(first, func(f Problem) bool {
			return f.File == w.File && f.Text == w.Text && lastField(f.Field) == lastField(w.Field)
		})
		if same < 0 {
			first = append(first, w)
			continue
		}
		others[same] = append(others[same], place(w))
	}
	for i, w := range first {
		at := w.Place.String()
		if len(others[i]) > 0 {
			at += " (also " + strings.Join(others[i], ", ") + ")"
		}
		texts = append(texts, at+": "+w.Text)
	}
	return texts
}

func place(p Problem) string {
	return fmt.Sprintf("%d: %s", p.Line, p.Field)
}

func lastField(field string) string {
	field, _, _ = strings.Cut(field[strings.LastIndexByte(field, '.')+1:], "[")
	return field
}

func sortedByPlace(problems []Problem) []Problem {
	sorted := slices.Clone(problems)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Field, b.Field))
	})
	return slices.Compact(sorted)
}
