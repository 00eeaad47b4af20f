package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Reader reads files of a commit for one render. It is not safe for
// concurrent use.
type Reader struct {
	fsys   fs.FS
	limits Limits

	files     map[string][]byte
	bytes     int64
	visits    int
	documents int
}

// NewReader returns a reader of fsys, which must not follow symbolic links or
// must say that they are some (fs.ReadLinkFS).
func NewReader(fsys fs.FS, limits Limits) *Reader {
	return &Reader{fsys: fsys, limits: limits, files: map[string][]byte{}}
}

// Limits returns the reader's limits.
func (r *Reader) Limits() Limits { return r.limits }

// Files returns what was read, by path. The caller must not change it while
// the reader is in use.
func (r *Reader) Files() map[string][]byte { return r.files }

// Put makes later renders see data in place of the file's own content.
func (r *Reader) Put(name string, data []byte) { r.files[name] = data }

// IsDir reports whether name is a directory of the commit. What does not
// exist, and what is neither file nor directory, is an error.
func (r *Reader) IsDir(at Place, name string) (bool, error) {
	info, err := r.stat(at, name)
	if err != nil {
		return false, err
	}
	return info.IsDir(), nil
}

// Exists reports whether name is a plain file of the commit.
func (r *Reader) Exists(name string) bool {
	if _, seen := r.files[name]; seen {
		return true
	}
	info, err := fs.Stat(r.fsys, name)
	return err == nil && info.Mode().IsRegular()
}

// File returns the content of the file, which something at the place refers
// to.
func (r *Reader) File(ctx context.Context, at Place, name string) ([]byte, error) {
	if data, seen := r.files[name]; seen {
		return data, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	info, err := r.stat(at, name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, at.Refuse("%s is a directory; name a file", Quote(name))
	}
	if len(r.files) >= r.limits.Files {
		return nil, at.Refuse("reading %s would be more than the %d files that one render may read; refer to fewer files", Quote(name), r.limits.Files)
	}
	data, err := r.read(at, name)
	if err != nil {
		return nil, err
	}
	r.files[name] = data
	r.bytes += int64(len(data))
	return data, nil
}

// Dir returns the names of the plain files and directories in dir; a
// directory's name ends in a slash. Anything else in it is refused.
func (r *Reader) Dir(ctx context.Context, at Place, dir string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	if _, err := r.stat(at, dir); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(r.fsys, dir)
	if err != nil {
		return nil, readError(at, dir, err)
	}
	if len(entries) > r.limits.Files {
		return nil, at.Refuse("%s has %d entries, more than %d; refer to a smaller directory", Quote(dir), len(entries), r.limits.Files)
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		switch {
		case entry.IsDir():
			names = append(names, entry.Name()+"/")
		case entry.Type().IsRegular():
			names = append(names, entry.Name())
		default:
			return nil, notPlain(at, path.Join(dir, entry.Name()), entry.Type())
		}
	}
	return names, nil
}

// Visit counts the entering of a directory that something at the place refers
// to, depth levels deep.
func (r *Reader) Visit(at Place, depth int) error {
	r.visits++
	if r.visits > r.limits.Visits {
		return at.Refuse("directories are entered more than %d times, counting each as often as it is referred to; refer to fewer", r.limits.Visits)
	}
	if depth > r.limits.Depth {
		return at.Refuse("directories refer to each other more than %d levels deep; flatten them", r.limits.Depth)
	}
	return nil
}

// Documents counts n documents that something at the place refers to.
func (r *Reader) Documents(at Place, n int) error {
	r.documents += n
	if r.documents > r.limits.Documents {
		return at.Refuse("more than %d YAML documents are referred to, counting each as often as it is; refer to fewer", r.limits.Documents)
	}
	return nil
}

// stat returns what name is. Every directory on the way is looked at, because
// a file system that follows symbolic links would otherwise follow them there.
func (r *Reader) stat(at Place, name string) (fs.FileInfo, error) {
	links, ok := r.fsys.(fs.ReadLinkFS)
	if !ok {
		info, err := fs.Stat(r.fsys, name)
		if err != nil {
			return nil, readError(at, name, err)
		}
		return info, plain(at, name, info.Mode())
	}
	for i := 0; i < len(name); i++ {
		if name[i] != '/' {
			continue
		}
		info, err := links.Lstat(name[:i])
		if err != nil {
			return nil, readError(at, name, err)
		}
		if err := plain(at, name[:i], info.Mode()); err != nil {
			return nil, err
		}
	}
	info, err := links.Lstat(name)
	if err != nil {
		return nil, readError(at, name, err)
	}
	return info, plain(at, name, info.Mode())
}

func (r *Reader) read(at Place, name string) ([]byte, error) {
	file, err := r.fsys.Open(name)
	if err != nil {
		return nil, readError(at, name, err)
	}
	defer func() { _ = file.Close() }()
	most := min(r.limits.FileBytes, r.limits.Bytes-r.bytes)
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, readError(at, name, err)
	}
	switch {
	case int64(len(data)) <= most:
		return data, nil
	case int64(len(data)) > r.limits.FileBytes:
		return nil, at.Refuse("%s has more than %d bytes; make it smaller", Quote(name), r.limits.FileBytes)
	default:
		return nil, at.Refuse("%s brings the files that are read above %d bytes; refer to less", Quote(name), r.limits.Bytes)
	}
}

func plain(at Place, name string, mode fs.FileMode) error {
	if mode.IsDir() || mode.IsRegular() {
		return nil
	}
	return notPlain(at, name, mode)
}

func notPlain(at Place, name string, mode fs.FileMode) error {
	if mode&fs.ModeSymlink != 0 {
		return at.Refuse("%s is a symbolic link, which rendering never follows; replace it by a copy of what it points at", Quote(name))
	}
	return at.Refuse("%s is neither a file nor a directory (it may be a submodule); replace it by plain files", Quote(name))
}

// readError explains an error of the commit's file system.
func readError(at Place, name string, err error) error {
	var coded *fault.Error
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(fault.Invalid, err, "%s: %s does not exist in this commit; commit it or correct the path", at, Quote(name))
	case errors.As(err, &coded):
		return fault.Wrap(coded.Code, err, "%s: %s", at, coded.Message)
	case errors.Is(err, fs.ErrInvalid):
		return at.Refuse("%s is no valid path; correct it", Quote(name))
	}
	return fmt.Errorf("%s: read %s: %w", at, name, err)
}
