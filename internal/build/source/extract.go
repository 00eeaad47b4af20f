package source

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Limits of one name in a context.
const (
	maxNameBytes = 4096
	maxDepth     = 200
)

// extract writes a tar stream into root. Only directories, regular files and
// links that stay inside are written, each name once. A broken stream is
// Unavailable, a hostile one Invalid.
func extract(stream io.Reader, root *os.Root, limits Limits) error {
	bounded := &boundedReader{next: stream, left: limits.Bytes}
	x := &extractor{root: root, archive: tar.NewReader(bounded), limits: limits}
	for {
		header, err := x.archive.Next()
		if errors.Is(err, io.EOF) {
			// A connection that broke just here is noticed by reading on.
			_, err = io.Copy(io.Discard, bounded)
			return broken(err)
		}
		if err != nil {
			return broken(err)
		}
		if err := x.entry(header); err != nil {
			return err
		}
	}
}

type extractor struct {
	root    *os.Root
	archive *tar.Reader
	limits  Limits
	entries int
}

// boundedReader fails with errTooLarge beyond its limit.
type boundedReader struct {
	next io.Reader
	left int64
}

// Read reads while the stream is within its limit.
func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.next.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n, errTooLarge
	}
	return n, err
}

// broken says what an error of the stream means; nil stays nil.
func broken(err error) error {
	if errors.Is(err, errTooLarge) {
		return errTooLarge
	}
	return fault.Wrap(fault.Unavailable, err, "the build context broke off before its end; try again, and if it repeats, look at the size of the context and the log of the server")
}

func (x *extractor) entry(header *tar.Header) error {
	if header.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	x.entries++
	if x.entries > x.limits.Entries {
		return fault.New(fault.Invalid, "the build context has more than the %d entries allowed; leave something out", x.limits.Entries)
	}
	if err := checkName(header.Name); err != nil {
		return err
	}
	name := path.Clean(header.Name)
	var err error
	switch header.Typeflag {
	case tar.TypeDir:
		err = x.root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		err = x.file(name, header)
	case tar.TypeSymlink:
		err = x.link(name, header.Linkname)
	default:
		return fault.New(fault.Invalid, "the build context holds %q, which is neither a file, a directory nor a link; remove it", name)
	}
	var coded *fault.Error
	if err == nil || errors.As(err, &coded) {
		return err
	}
	return fault.Wrap(fault.Internal, err, "write %q of the build context", name)
}

func checkName(name string) error {
	if len(name) > maxNameBytes || strings.Count(name, "/") > maxDepth {
		return fault.New(fault.Invalid, "the build context holds a name that is too long or too deep: %.100q…; shorten it", name)
	}
	if strings.ContainsRune(name, 0) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return fault.New(fault.Invalid, "the build context holds the name %q, which leads outside; rename it", name)
	}
	return nil
}

func (x *extractor) file(name string, header *tar.Header) (err error) {
	if header.Size > x.limits.Bytes {
		return errTooLarge
	}
	if err := x.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if header.Mode&0o111 != 0 {
		mode = 0o755
	}
	file, err := x.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := io.Copy(file, x.archive); err != nil {
		var local *fs.PathError
		if errors.As(err, &local) {
			return err
		}
		return broken(err)
	}
	if err := file.Chmod(mode); err != nil {
		return err
	}
	return x.root.Chtimes(name, header.ModTime, header.ModTime)
}

func (x *extractor) link(name, target string) error {
	inside := path.Join(path.Dir(name), target)
	if target == "" || path.IsAbs(target) || checkName(inside) != nil {
		return fault.New(fault.Invalid, "the link %q in the build context leads outside (to %.100q); remove it or move its target into the context", name, target)
	}
	if err := x.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	return x.root.Symlink(target, name)
}
