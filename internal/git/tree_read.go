package git

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/slipway-dev/slipway/internal/fault"
)

// sortEntries sorts by name and refuses doubles.
func sortEntries(list []entry) ([]entry, error) {
	slices.SortFunc(list, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(list); i++ {
		if list[i].name == list[i-1].name {
			return nil, errors.New("two entries have the same name")
		}
	}
	return list, nil
}

// Open opens a file or directory.
func (t *Tree) Open(name string) (fs.File, error) {
	e, err := t.follow("open", name)
	if err != nil {
		return nil, err
	}
	if e.mode == filemode.Dir {
		list, err := t.list("open", name, e)
		if err != nil {
			return nil, err
		}
		return &openDirectory{info: directoryInfo(e), name: name, list: list}, nil
	}
	data, err := t.blob("open", name, e)
	if err != nil {
		return nil, err
	}
	return &openFile{info: t.fileInfo(e, int64(len(data))), Reader: bytes.NewReader(data)}, nil
}

// ReadFile returns a file's content.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	e, err := t.follow("read", name)
	if err != nil {
		return nil, err
	}
	if e.mode == filemode.Dir {
		return nil, pathError("read", name, errors.New("is a directory"))
	}
	return t.blob("read", name, e)
}

// ReadDir lists a directory, sorted by name. Symbolic links and submodules are
// listed as what they are.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	e, err := t.follow("readdir", name)
	if err != nil {
		return nil, err
	}
	if e.mode != filemode.Dir {
		return nil, pathError("readdir", name, errors.New("not a directory"))
	}
	return t.list("readdir", name, e)
}

// Stat describes a file or directory.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	e, err := t.follow("stat", name)
	if err != nil {
		return nil, err
	}
	return t.info("stat", name, e)
}

// Lstat describes a path whose last element may be a symbolic link or a
// submodule.
func (t *Tree) Lstat(name string) (fs.FileInfo, error) {
	e, err := t.find("lstat", name)
	if err != nil {
		return nil, err
	}
	return t.info("lstat", name, e)
}

// ReadLink returns a symbolic link's target, as written.
func (t *Tree) ReadLink(name string) (string, error) {
	e, err := t.find("readlink", name)
	if err != nil {
		return "", err
	}
	if e.mode != filemode.Symlink {
		return "", pathError("readlink", name, fs.ErrInvalid)
	}
	data, err := t.blob("readlink", name, e)
	if err != nil {
		return "", err
	}
	if len(data) > t.limits.PathBytes || bytes.IndexByte(data, 0) >= 0 {
		return "", pathError("readlink", name, fault.New(fault.Invalid, "the symbolic link's target is longer than the limit of %d bytes or holds a zero byte; correct it", t.limits.PathBytes))
	}
	return string(data), nil
}

// follow resolves a path whose last element must be a file or a directory.
func (t *Tree) follow(op, name string) (entry, error) {
	e, err := t.find(op, name)
	if err != nil {
		return e, err
	}
	if e.mode == filemode.Symlink || e.mode == filemode.Submodule {
		return e, pathError(op, name, passable(e.mode, name))
	}
	return e, nil
}

func (t *Tree) blob(op, name string, e entry) ([]byte, error) {
	kind, data, err := t.objects.Object(e.hash)
	if err != nil {
		return nil, pathError(op, name, err)
	}
	if kind != plumbing.BlobObject {
		return nil, pathError(op, name, fault.New(fault.Invalid, "object %s is a %s where a file should be; the repository is malformed", e.hash, kind))
	}
	if err := t.chargeBytes(name, int64(len(data))); err != nil {
		return nil, pathError(op, name, err)
	}
	return data, nil
}

func (t *Tree) list(op, name string, e entry) ([]fs.DirEntry, error) {
	list, err := t.directory(e.hash)
	if err == nil {
		err = t.charge(name, len(list))
	}
	if err != nil {
		return nil, pathError(op, name, err)
	}
	out := make([]fs.DirEntry, len(list))
	for i, child := range list {
		out[i] = &dirEntry{tree: t, path: joinPath(name, child.name), entry: child}
	}
	return out, nil
}

func joinPath(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

func (t *Tree) info(op, name string, e entry) (fs.FileInfo, error) {
	switch e.mode {
	case filemode.Dir, filemode.Submodule:
		return directoryInfo(e), nil
	}
	data, err := t.blob(op, name, e)
	if err != nil {
		return nil, err
	}
	return t.fileInfo(e, int64(len(data))), nil
}

func (t *Tree) fileInfo(e entry, size int64) fileInfo {
	return fileInfo{name: e.name, mode: modeOf(e.mode), size: size}
}

func directoryInfo(e entry) fileInfo { return fileInfo{name: e.name, mode: modeOf(e.mode)} }

// modeOf maps git's modes; git keeps no permission but "executable".
func modeOf(m filemode.FileMode) fs.FileMode {
	switch m {
	case filemode.Dir:
		return fs.ModeDir | 0o755
	case filemode.Symlink:
		return fs.ModeSymlink | 0o777
	case filemode.Submodule:
		return fs.ModeIrregular
	case filemode.Executable:
		return 0o755
	}
	return 0o644
}

// fileInfo implements fs.FileInfo.
type fileInfo struct {
	name string
	mode fs.FileMode
	size int64
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return i.mode }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }

// dirEntry implements fs.DirEntry.
type dirEntry struct {
	tree  *Tree
	path  string
	entry entry
}

func (d *dirEntry) Name() string               { return d.entry.name }
func (d *dirEntry) IsDir() bool                { return d.entry.mode == filemode.Dir }
func (d *dirEntry) Type() fs.FileMode          { return modeOf(d.entry.mode).Type() }
func (d *dirEntry) Info() (fs.FileInfo, error) { return d.tree.info("stat", d.path, d.entry) }
func (d *dirEntry) String() string             { return fs.FormatDirEntry(d) }

// openFile implements fs.File; it also seeks and reads at offsets.
type openFile struct {
	info fileInfo
	*bytes.Reader
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

// openDirectory implements fs.ReadDirFile.
type openDirectory struct {
	info fileInfo
	name string
	list []fs.DirEntry
}

func (d *openDirectory) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDirectory) Close() error               { return nil }

func (d *openDirectory) Read([]byte) (int, error) {
	return 0, pathError("read", d.name, errors.New("is a directory"))
}

func (d *openDirectory) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		out := d.list
		d.list = nil
		return out, nil
	}
	if len(d.list) == 0 {
		return nil, io.EOF
	}
	out := d.list[:min(n, len(d.list))]
	d.list = d.list[len(out):]
	return out, nil
}
