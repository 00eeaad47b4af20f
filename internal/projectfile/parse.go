package projectfile

import (
	"fmt"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/check"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// MaxBytes is how long a project file may be.
const MaxBytes = syntax.MaxBytes

type (
	// Problem is one mistake in a project file.
	Problem = syntax.Problem
	// Problems are the mistakes of one file, sorted by position. They are an
	// error with code fault.Invalid.
	Problems = syntax.Problems
)

// Document is a checked project file with the places of its values. It never
// changes and may be used concurrently.
type Document struct {
	// File holds the values as written, with the defaults of stages and
	// previews filled in. Services are as written: see Effective.
	File *project.File

	name string
	root *syntax.Node
	// homes are the documents of services that secondary files declare.
	homes map[string]*Document
	// grammar is what the file was read by.
	grammar *grammar.Grammar
}

// Parse reads the project file of a primary repository. The name is
// used in messages. The error, if any, is of type Problems.
func Parse(name string, data []byte) (*Document, error) {
	return parseFile(name, data, primary)
}

// ParseSecondary reads the project file of a secondary repository: version,
// project and services, nothing else. Stages in its services' overrides are
// not checked; they belong to the primary file.
func ParseSecondary(name string, data []byte) (*Document, error) {
	return parseFile(name, data, secondary)
}

// part says which of a project's files is read.
type part int

const (
	primary part = iota
	secondary
)

func parseFile(name string, data []byte, p part) (*Document, error) {
	r := syntax.NewReport(name)
	root := syntax.Read(r, data)
	if root == nil {
		return nil, r.Err()
	}
	doc := &Document{File: &project.File{}, name: name, root: root, grammar: grammar.New()}
	if !versioned(r, root) {
		return nil, r.Err()
	}
	doc.versionOne(r, p)
	if err := r.Err(); err != nil {
		return nil, err
	}
	return doc, nil
}

// versioned reports whether this program reads the file's version. A file of
// another one would only draw misleading complaints.
func versioned(r *syntax.Report, root *syntax.Node) bool {
	v := root.Get("version")
	if v == nil || v.Kind != syntax.Integer || v.Integer == 1 {
		return true
	}
	what := fmt.Sprintf("%d is a version that this Slipway does not read", v.Integer)
	r.Structural(v.At, "version", what, "write version: 1, or use a newer Slipway")
	return false
}

// versionOne reads and checks the form that design and schema describe.
func (doc *Document) versionOne(r *syntax.Report, p part) {
	g := doc.grammar
	if p == secondary {
		var file grammar.SecondaryFile
		grammar.Decode(r, g, doc.root, &file)
		doc.File.Version, doc.File.Project, doc.File.Services = file.Version, file.Project, file.Services
	} else {
		grammar.Decode(r, g, doc.root, doc.File)
	}
	if !r.Overfull {
		check.File(r, g, doc.root, doc.File, p == secondary)
	}
	fillDefaults(doc.File)
}

// Where returns the file, and the line and column in it, of the value at a
// path; zeros when there is none.
func (doc *Document) Where(path string) (file string, line, column int) {
	at := doc
	for service, other := range doc.homes {
		if _, of := syntax.Descend(path, syntax.Join("services", service)); of {
			at = other
		}
	}
	line, column = at.Position(path)
	return at.name, line, column
}

// Position returns the line and column (from 1) of the value at a path such as
// services.web.port or stages[0].name; zeros when there is none.
func (doc *Document) Position(path string) (line, column int) {
	at, _ := doc.root.Find(path)
	return at.Line, at.Column
}
