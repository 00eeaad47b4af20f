package file

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Kind is what is at a path of the commit.
type Kind int

// The kinds.
const (
	Absent Kind = iota
	RegularFile
	Directory
)

// Commit is the files of a commit that Compose files refer to.
type Commit interface {
	// Look says what is at a path.
	Look(at tree.Place, name string) (Kind, error)
	// File returns the content of a file.
	File(at tree.Place, name string) ([]byte, error)
	// Files returns the names of the files below a directory, relative to it,
	// and whether there are no more than most.
	Files(at tree.Place, dir string, most int) (names []string, all bool, err error)
}

// Reading is the commit while it is read. What it finds out is put into the
// reader, so that Recorded finds the same later.
type Reading struct {
	ctx    context.Context //nolint:containedctx // lasts for one Collect
	reader *tree.Reader
}

// NewReading returns the commit behind a reader, for one Collect.
func NewReading(ctx context.Context, r *tree.Reader) Reading { return Reading{ctx, r} }

// Names under which the reader keeps what is no file: a directory with a slash
// behind, one with too many files with two. No file has such a name.
const (
	directoryMark = "/"
	tooManyMark   = "//"
)

// Look says what is at a path.
func (r Reading) Look(at tree.Place, name string) (Kind, error) {
	if r.reader.Exists(name) {
		_, err := r.File(at, name)
		return RegularFile, err
	}
	if r.reader.Missing(name) {
		return Absent, nil
	}
	is, err := r.reader.IsDir(at, name)
	if err != nil || !is {
		return Absent, err
	}
	r.reader.Put(name+directoryMark, nil)
	return Directory, nil
}

// File returns the content of a file.
func (r Reading) File(at tree.Place, name string) ([]byte, error) {
	return r.reader.File(r.ctx, at, name)
}

// Files returns the names of the files below a directory, which it reads.
func (r Reading) Files(at tree.Place, dir string, most int) ([]string, bool, error) {
	names, err := r.list(at, dir, "", most+1, 0)
	if err != nil {
		return nil, false, err
	}
	if len(names) > most {
		r.reader.Put(dir+tooManyMark, nil)
		return nil, false, nil
	}
	for _, name := range names {
		if _, err := r.File(at, path.Join(dir, name)); err != nil {
			return nil, false, err
		}
	}
	return names, true, nil
}

// list returns at most so many names of files below a directory.
func (r Reading) list(at tree.Place, dir, below string, most, depth int) ([]string, error) {
	if err := r.reader.Visit(at, depth); err != nil {
		return nil, err
	}
	entries, err := r.reader.Dir(r.ctx, at, path.Join(dir, below))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		name := path.Join(below, entry.Name)
		if !entry.Mode.IsDir() {
			names = append(names, name)
		} else {
			inner, err := r.list(at, dir, name, most-len(names), depth+1)
			if err != nil {
				return nil, err
			}
			names = append(names, inner...)
		}
		if len(names) >= most {
			break
		}
	}
	return names, nil
}

// Recorded is the commit as a Reading found it.
type Recorded map[string][]byte

// Look says what is at a path.
func (r Recorded) Look(_ tree.Place, name string) (Kind, error) {
	if _, file := r[name]; file {
		return RegularFile, nil
	}
	if _, directory := r[name+directoryMark]; directory {
		return Directory, nil
	}
	return Absent, nil
}

// File returns the content of a file.
func (r Recorded) File(_ tree.Place, name string) ([]byte, error) {
	data, found := r[name]
	if !found {
		return nil, fmt.Errorf("read %s: it was not collected", name)
	}
	return data, nil
}

// Files returns the names of the files below a directory.
func (r Recorded) Files(_ tree.Place, dir string, _ int) ([]string, bool, error) {
	if _, more := r[dir+tooManyMark]; more {
		return nil, false, nil
	}
	prefix := dir + "/"
	if dir == "." {
		prefix = ""
	}
	var names []string
	for name := range r {
		if below, found := strings.CutPrefix(name, prefix); found && below != "" && !strings.HasSuffix(below, "/") {
			names = append(names, below)
		}
	}
	slices.Sort(names)
	return names, true, nil
}
