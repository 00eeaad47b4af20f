package syntax

import (
	"fmt"
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
	// What says what is wrong, Remedy what to do.
	What   string `json:"what"`
	Remedy string `json:"remedy"`

	// BeyondSchema says that the schema can't know this.
	BeyondSchema bool
}

// Error returns file:line:column: path: what is wrong; what to do.
func (p Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s; %s", p.File, p.Line, p.Column, p.Path, p.What, p.Remedy)
}

// same reports whether both say the same about the same place.
func (p Problem) same(other Problem) bool {
	p.BeyondSchema = other.BeyondSchema
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
