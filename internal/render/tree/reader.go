package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Reader reads files of a commit for one render. It is not safe for
// concurrent use.
type Reader struct {
	source Source
	limits Limits

	files     map[string][]byte
	shared    map[string]bool // names of files
	bytes     int64
	visits    int
	documents int
}

// NewReader returns a reader of the source.
func NewReader(source Source, limits Limits) *Reader {
	return &Reader{source: source, limits: limits, files: map[string][]byte{}, shared: map[string]bool{}}
}

// Limits returns the reader's limits.
func (r *Reader) Limits() Limits { return r.limits }

// Files returns what was read, by path. The caller must not change it while
// the reader is in use.
func (r *Reader) Files() map[string][]byte { return r.files }

// Put makes later renders see data in place of the file's own content.
func (r *Reader) Put(name string, data []byte) { r.files[name] = data }

// Share makes a file that was read part of the tree that is rendered as a
// whole, beside what single services are made from.
func (r *Reader) Share(name string) { r.shared[name] = true }

// Shared returns the files that were shared, by path.
func (r *Reader) Shared() map[string][]byte {
	shared := make(map[string][]byte, len(r.shared))
	for name := range r.shared {
		shared[name] = r.files[name]
	}
	return shared
}

// IsDir reports whether name is a directory of the commit. What does not
// exist, and what is neither file nor directory, is an error.
func (r *Reader) IsDir(at Place, name string) (bool, error) {
	if _, read := r.files[name]; read {
		return false, nil
	}
	mode, err := r.source.Look(name)
	if err != nil {
		return false, readError(at, name, err)
	}
	return mode.IsDir(), plain(at, name, mode)
}

// Exists reports whether name is a plain file of the commit.
func (r *Reader) Exists(name string) bool {
	if _, read := r.files[name]; read {
		return true
	}
	mode, err := r.source.Look(name)
	return err == nil && mode.IsRegular()
}

// Missing reports whether nothing is at name.
func (r *Reader) Missing(name string) bool {
	if _, read := r.files[name]; read {
		return false
	}
	_, err := r.source.Look(name)
	return errors.Is(err, fs.ErrNotExist)
}

// File returns the content of the file, which something at the place refers
// to.
func (r *Reader) File(ctx context.Context, at Place, name string) ([]byte, error) {
	if data, read := r.files[name]; read {
		return data, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(r.files) >= r.limits.Files {
		return nil, at.Refuse("reading %s would be more than the %d files that one render may read; refer to fewer files", Quote(name), r.limits.Files)
	}
	most := min(r.limits.FileBytes, r.limits.Bytes-r.bytes)
	data, err := r.source.Read(name, most+1)
	switch {
	case err != nil:
		return nil, readError(at, name, err)
	case int64(len(data)) > r.limits.FileBytes:
		return nil, at.Refuse("%s has more than %d bytes; make it smaller", Quote(name), r.limits.FileBytes)
	case int64(len(data)) > most:
		return nil, at.Refuse("%s brings the files that are read above %d bytes; refer to less", Quote(name), r.limits.Bytes)
	}
	r.files[name] = data
	r.bytes += int64(len(data))
	return data, nil
}

// Dir returns the entries of a directory: plain files and directories.
// Anything else in it is refused.
func (r *Reader) Dir(ctx context.Context, at Place, dir string) ([]Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	entries, err := r.source.List(dir)
	if err != nil {
		return nil, readError(at, dir, err)
	}
	if len(entries) > r.limits.Files {
		return nil, at.Refuse("%s has %d entries, more than %d; refer to a smaller directory", Quote(dir), len(entries), r.limits.Files)
	}
	for _, entry := range entries {
		if err := plain(at, path.Join(dir, entry.Name), entry.Mode); err != nil {
			return nil, err
		}
	}
	return entries, nil
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

func plain(at Place, name string, mode fs.FileMode) error {
	switch {
	case mode.IsDir(), mode.IsRegular():
		return nil
	case mode&fs.ModeSymlink != 0:
		return at.Refuse("%s is a symbolic link, or is behind one, which rendering never follows; replace the link by a copy of what it points at", Quote(name))
	}
	return at.Refuse("%s is neither a file nor a directory (it may be a submodule); replace it by plain files", Quote(name))
}

// readError explains an error of the commit's file system.
func readError(at Place, name string, err error) error {
	var coded *fault.Error
	var irregular *Irregular
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return at.Refuse("%s does not exist in this commit; commit it or correct the path", Quote(name))
	case errors.Is(err, fs.ErrInvalid):
		return at.Refuse("%s is no valid path; correct it", Quote(name))
	case errors.As(err, &irregular) && irregular.Mode.IsDir():
		return at.Refuse("%s is a directory; name a file", Quote(name))
	case errors.As(err, &irregular) && irregular.Mode.IsRegular():
		return at.Refuse("%s is a file; name a directory", Quote(name))
	case errors.As(err, &irregular):
		return plain(at, name, irregular.Mode)
	case errors.As(err, &coded):
		return fault.Wrap(coded.Code, err, "%s: %s", at, coded.Message)
	}
	return fmt.Errorf("%s: read %s: %w", at, name, err)
}
