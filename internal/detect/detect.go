package detect

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/convert"
	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

// About is what is known of a repository besides its files.
type About struct {
	Name   string // of the repository or its directory
	Branch string // that people push to; empty means main
	Owner  string // login at the forge
	// OwnerFrom says where the login comes from, for a comment.
	OwnerFrom string
	// From is what another platform's file is converted, empty when the repository
	// is looked at; File is its path, empty for the usual one.
	From, File string
}

// Checker renders services as a stage would, and says why they are refused.
type Checker interface {
	// Check returns the reasons against the services of a project file, none when
	// they are allowed. The error is one that the services are not to blame for.
	Check(ctx context.Context, files fs.FS, document *projectfile.Document) (reasons []string, err error)
}

// Start is what a first deploy needs, and the story of how it was made.
type Start struct {
	// Files are what to write, by path.
	Files map[string][]byte
	// Services are what was made, sorted as in the project file.
	Services []found.Service
	// Seen are the kinds of things that were found, with their number and the first
	// path of each.
	Seen []string
	// Left is what was found and left out, with the reason.
	Left []found.Left
	// Hints are sentences on what a person should look at.
	Hints []string
	// Next is what to do next, in order.
	Next []string
}

// Make looks at the files and returns a start. The error's code is not_found
// when nothing that could be deployed is there.
func Make(ctx context.Context, fsys fs.FS, about About, checker Checker) (Start, error) {
	t, err := files.Look(fsys)
	if err != nil {
		return Start{}, err
	}
	m := &maker{tree: t, fsys: fsys, about: about, checker: checker}
	if about.From != "" {
		err = m.convert(ctx)
	} else {
		err = m.search(ctx)
	}
	if err != nil {
		return Start{}, err
	}
	m.nameAll(ctx)
	if err := m.refuse(ctx); err != nil {
		return Start{}, err
	}
	if len(m.services) == 0 {
		return Start{}, m.nothing()
	}
	return m.start()
}

// Paths returns the paths of the files, sorted.
func (s Start) Paths() []string { return slices.Sorted(maps.Keys(s.Files)) }

// maker is a start while it is made.
type maker struct {
	tree    *files.Tree
	fsys    fs.FS
	about   About
	checker Checker

	services []found.Service
	seen     []string
	left     []found.Left
	hints    []string
}

func (m *maker) leave(where, format string, args ...any) {
	left := found.Left{Where: where, Reason: fmt.Sprintf(format, args...)}
	if !slices.Contains(m.left, left) {
		m.left = append(m.left, left)
	}
}

func (m *maker) hint(format string, args ...any) {
	m.hints = append(m.hints, fmt.Sprintf(format, args...))
}

// convert makes services of another platform's file.
func (m *maker) convert(ctx context.Context) error {
	converted, err := convert.Convert(ctx, m.tree, m.about.From, m.about.File)
	if err != nil {
		return err
	}
	m.services, m.left, m.hints = converted.Services, converted.Left, converted.Hints
	m.seen = append(m.seen, converted.Files...)
	return nil
}

// nothing says what was looked for, and what stood against it.
func (m *maker) nothing() error {
	if len(m.left) == 0 {
		return fault.New(fault.NotFound, "nothing to deploy was recognised: there is no Dockerfile, Compose file, chart, kustomization.yaml, nor a program in Go, Java, .NET, Rust, PHP, Ruby, Python or Node.js, nor an index.html, at any depth; add a Dockerfile")
	}
	var lines []string
	for i, left := range m.left {
		if i == 20 {
			lines = append(lines, fmt.Sprintf("and %d more", len(m.left)-i))
			break
		}
		lines = append(lines, left.Where+": "+left.Reason)
	}
	return fault.New(fault.NotFound, "nothing can be deployed as it is; what was found was left out:\n  %s\nmend one of them, or add a Dockerfile", strings.Join(lines, "\n  "))
}

// start puts the files together.
func (m *maker) start() (Start, error) {
	if built := m.built(); built > 5 {
		m.hint("%d directories became services that are built: remove from slipway.yaml those that are none", built)
	}
	text, err := m.document()
	if err != nil {
		return Start{}, err
	}
	s := Start{Files: m.files(), Services: m.services, Seen: m.seen, Left: m.left, Hints: append(m.hints, m.tree.Comments()...)}
	s.Files[project.FileName] = text
	for _, service := range m.services {
		s.Hints = append(s.Hints, service.Hints...)
	}
	s.Hints = together(s.Hints)
	s.Next = m.next()
	return s, nil
}

// built counts the services that are built and of no Compose file.
func (m *maker) built() int {
	count := 0
	for _, service := range m.services {
		if service.Spec.Build != nil && !strings.Contains(service.Why, "services.") {
			count++
		}
	}
	return count
}

// together makes one of hints that say the same of several files.
func together(hints []string) []string {
	var all []string
	at := map[string]int{}
	for _, hint := range hints {
		where, text, is := strings.Cut(hint, ": ")
		first, said := at[text]
		switch {
		case is && said && !strings.Contains(where, " "):
			if paths, _, _ := strings.Cut(all[first], ": "); !slices.Contains(strings.Split(paths, ", "), where) {
				all[first] = paths + ", " + where + ": " + text
			}
		case !slices.Contains(all, hint):
			at[text] = len(all)
			all = append(all, hint)
		}
	}
	return all
}

// files are those that the services need.
func (m *maker) files() map[string][]byte {
	all := map[string][]byte{}
	for _, service := range m.services {
		maps.Copy(all, service.Files)
	}
	return all
}

// next says what to do with what was made.
func (m *maker) next() []string {
	next := []string{"read " + project.FileName}
	if len(m.left) > 0 {
		next[0] += ", and what was left out"
	}
	for _, service := range m.services {
		for _, name := range service.Held {
			seal := fmt.Sprintf("slipway seal %s %s, and put what it prints into %s", service.SecretName(), name, project.FileName)
			if !slices.Contains(next, seal) {
				next = append(next, seal)
			}
		}
	}
	return append(next, "try `slipway validate` and `slipway render --stage production`", "commit and push")
}
