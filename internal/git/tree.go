package git

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Objects reads objects by id. It must be safe for concurrent use.
type Objects interface {
	// Object returns an object's type and content. The error has a code.
	Object(h plumbing.Hash) (plumbing.ObjectType, []byte, error)
}

// Tree is a commit's tree as a read-only file system. Only what is touched is
// read. Symbolic links are never followed: whatever leads through one is an
// error that names it. Reading is bounded by TreeLimits over the life of the
// Tree, so that a naive walk of a hostile repository ends; reading the same
// path again is free.
//
// Modification times are zero, so that equal trees are equal in every way. A
// Tree is safe for concurrent use.
type Tree struct {
	objects Objects
	root    plumbing.Hash
	limits  TreeLimits

	mu      sync.Mutex
	decoded map[plumbing.Hash][]entry
	listed  map[string]bool // directories charged to the budget
	read    map[string]bool // files charged to the budget
	entries int
	bytes   int64
}

// The interfaces that a Tree offers to its readers.
var (
	_ fs.ReadFileFS = (*Tree)(nil)
	_ fs.ReadDirFS  = (*Tree)(nil)
	_ fs.StatFS     = (*Tree)(nil)
	_ fs.ReadLinkFS = (*Tree)(nil)
)

// entry is one name in a directory.
type entry struct {
	name string
	mode filemode.FileMode
	hash plumbing.Hash
}

// NewTree opens the tree object root, which is read from objects when needed.
func NewTree(o Objects, root plumbing.Hash, limits TreeLimits) *Tree {
	return &Tree{
		objects: o,
		root:    root,
		limits:  limits.withDefaults(),
		decoded: make(map[plumbing.Hash][]entry),
		listed:  make(map[string]bool),
		read:    make(map[string]bool),
	}
}

// Hash returns the object id of a file or directory; "." is the root. Equal
// ids mean equal content, at any path of any commit.
func (t *Tree) Hash(name string) (string, error) {
	e, err := t.find("hash", name)
	if err != nil {
		return "", err
	}
	return e.hash.String(), nil
}

// Entry returns the mode of what is at a path and its object id, and reads no
// file for it. Nothing is followed: where something on the way is no directory,
// it is what is returned.
func (t *Tree) Entry(name string) (fs.FileMode, string, error) {
	e, err := t.find("look", name)
	if err != nil && e.mode == filemode.Dir {
		return 0, "", err
	}
	return modeOf(e.mode), e.hash.String(), nil
}

// Type returns the type of what Entry returns.
func (t *Tree) Type(name string) (fs.FileMode, error) {
	mode, _, err := t.Entry(name)
	return mode.Type(), err
}

// find resolves a path without following symbolic links; the last element may
// be one.
func (t *Tree) find(op, name string) (entry, error) {
	at := entry{name: ".", mode: filemode.Dir, hash: t.root}
	if err := t.checkPath(name); err != nil {
		return at, pathError(op, name, err)
	}
	if name == "." {
		return at, nil
	}
	done := ""
	for part := range strings.SplitSeq(name, "/") {
		if err := passable(at.mode, done); err != nil {
			return at, pathError(op, name, err)
		}
		list, err := t.directory(at.hash)
		if err != nil {
			return at, pathError(op, name, err)
		}
		next, ok := lookup(list, part)
		if !ok {
			return at, pathError(op, name, fs.ErrNotExist)
		}
		at, done = next, path.Join(done, part)
	}
	return at, nil
}

// passable says why a path can't lead through what is not a directory.
func passable(mode filemode.FileMode, name string) error {
	switch mode {
	case filemode.Dir:
		return nil
	case filemode.Symlink:
		return linkError(name)
	case filemode.Submodule:
		return fault.New(fault.Invalid, "%s is a submodule, which is not fetched; copy its files into the repository", name)
	}
	return fs.ErrNotExist
}

func linkError(name string) error {
	return fault.New(fault.Invalid, "%s is a symbolic link, which is not followed; use a path without links", name)
}

func (t *Tree) checkPath(name string) error {
	switch {
	case !fs.ValidPath(name):
		return fs.ErrInvalid
	case len(name) > t.limits.PathBytes:
		return fault.New(fault.Invalid, "the path is longer than the limit of %d bytes; shorten it", t.limits.PathBytes)
	case strings.Count(name, "/") >= t.limits.Depth:
		return fault.New(fault.Invalid, "the path is nested deeper than the limit of %d; flatten it", t.limits.Depth)
	}
	return nil
}

// directory returns a tree object's entries.
func (t *Tree) directory(h plumbing.Hash) ([]entry, error) {
	t.mu.Lock()
	list, ok := t.decoded[h]
	t.mu.Unlock()
	if ok {
		return list, nil
	}
	kind, data, err := t.objects.Object(h)
	if err != nil {
		return nil, err
	}
	if kind != plumbing.TreeObject {
		return nil, fault.New(fault.Invalid, "object %s is a %s where a directory should be; the repository is malformed", h, kind)
	}
	list, err = decodeTree(data, t.limits.Entries)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "directory object %s can't be read; repair the repository", h)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.decoded[h] = list
	return list, nil
}

// lookup finds a name. Git sorts directories as if a slash followed, so a name
// can stand in two places; entries are sorted by plain name here.
func lookup(list []entry, name string) (entry, bool) {
	low, high := 0, len(list)
	for low < high {
		mid := (low + high) / 2
		if list[mid].name < name {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low < len(list) && list[low].name == name {
		return list[low], true
	}
	return entry{}, false
}

// charge counts a directory against the budget the first time it is listed.
func (t *Tree) charge(name string, count int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listed[name] {
		return nil
	}
	if t.entries+count > t.limits.Entries {
		return fault.New(fault.Invalid, "the repository has more than the limit of %d files and directories to read; keep what is deployed in fewer files", t.limits.Entries)
	}
	t.listed[name] = true
	t.entries += count
	return nil
}

// chargeBytes counts a file against the budget the first time it is read.
func (t *Tree) chargeBytes(name string, size int64) error {
	if size > t.limits.FileBytes {
		return fault.New(fault.Invalid, "the file has %d bytes, more than the limit of %d; keep large files outside of the repository", size, t.limits.FileBytes)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.read[name] {
		return nil
	}
	if t.bytes+size > t.limits.Bytes || len(t.read) >= t.limits.Entries {
		return fault.New(fault.Invalid, "reading the repository takes more than the limit of %d bytes or %d files; keep less in it", t.limits.Bytes, t.limits.Entries)
	}
	t.read[name] = true
	t.bytes += size
	return nil
}

func pathError(op, name string, err error) error {
	var already *fs.PathError
	if errors.As(err, &already) {
		return err
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// decodeTree reads a tree object. Names that a file system can't have are
// refused: they only occur in repositories made to do harm.
func decodeTree(data []byte, limit int) ([]entry, error) {
	var list []entry
	for len(data) > 0 {
		mode, rest, ok := bytes.Cut(data, []byte{' '})
		name, rest, ok2 := bytes.Cut(rest, []byte{0})
		if !ok || !ok2 || len(rest) < len(plumbing.ZeroHash) {
			return nil, errors.New("truncated")
		}
		e := entry{name: string(name)}
		copy(e.hash[:], rest)
		data = rest[len(e.hash):]
		var err error
		if e.mode, err = decodeMode(mode); err != nil {
			return nil, fmt.Errorf("entry %q: %w", e.name, err)
		}
		if !fs.ValidPath(e.name) || e.name == "." || strings.Contains(e.name, "/") || strings.EqualFold(e.name, ".git") {
			return nil, fmt.Errorf("entry %q: not a file name", e.name)
		}
		if list = append(list, e); len(list) > limit {
			return nil, fmt.Errorf("more than the limit of %d entries", limit)
		}
	}
	return sortEntries(list)
}

// decodeMode maps the modes that git has ever written to the five it knows.
func decodeMode(raw []byte) (filemode.FileMode, error) {
	mode, err := filemode.New(string(raw))
	if err != nil {
		return 0, errors.New("malformed mode")
	}
	switch mode & 0o170000 {
	case 0o040000:
		return filemode.Dir, nil
	case 0o120000:
		return filemode.Symlink, nil
	case 0o160000:
		return filemode.Submodule, nil
	case 0o100000:
		if mode&0o100 != 0 {
			return filemode.Executable, nil
		}
		return filemode.Regular, nil
	}
	return 0, fmt.Errorf("mode %o is not known", uint32(mode))
}
