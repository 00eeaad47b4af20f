package push

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Limits of an image file. The build wrote it, so anything may be in it.
const (
	maxEntries  = 2000     // an image has at most 127 layers
	maxMetadata = 16 << 20 // bytes of manifest and configuration
)

// archive is an image file that has been checked and stays open, so that
// nobody can swap it afterwards.
type archive struct {
	file *os.File
	size int64
}

// openArchive opens and checks the image file at path. It follows no link and
// waits for no pipe.
func openArchive(path string) (*archive, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the build left no image at %s; start it again", path)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		return nil, errors.Join(invalidFile(path, err), file.Close())
	}
	a := &archive{file: file, size: info.Size()}
	if err := a.check(); err != nil {
		a.close()
		return nil, invalidFile(path, err)
	}
	return a, nil
}

func invalidFile(path string, err error) error {
	return fault.Wrap(fault.Invalid, err, "the image file %s is not valid; start the build again", path)
}

// check reads the file's index and manifest: it must hold regular entries
// only, not too many, one image, and nothing large but layers.
func (a *archive) check() error {
	sizes, err := a.sizes()
	if err != nil {
		return err
	}
	if sizes["manifest.json"] > maxMetadata {
		return errors.New("its manifest is too large")
	}
	manifest, err := tarball.LoadManifest(a.open)
	if err != nil {
		return fmt.Errorf("read manifest: %w", err)
	}
	if len(manifest) != 1 {
		return fmt.Errorf("it holds %d images instead of one", len(manifest))
	}
	if sizes[path.Clean(manifest[0].Config)] > maxMetadata {
		return errors.New("its configuration is too large")
	}
	if len(manifest[0].Layers) > maxEntries {
		return errors.New("it has too many layers")
	}
	return nil
}

// sizes returns the size of each entry by clean name; of several with one
// name, the first counts.
func (a *archive) sizes() (map[string]int64, error) {
	reader, err := a.open()
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	entries := tar.NewReader(reader)
	for count := 1; ; count++ {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return sizes, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read entry %d: %w", count, err)
		}
		if header.Typeflag != tar.TypeReg {
			return nil, errors.New("it holds a link or a special file")
		}
		if count > maxEntries {
			return nil, errors.New("it has too many entries")
		}
		name := path.Clean(header.Name)
		if _, ok := sizes[name]; !ok {
			sizes[name] = header.Size
		}
	}
}

// section is one reader of the file; it can seek past layers.
type section struct{ *io.SectionReader }

// Close does nothing: the file stays open for other readers.
func (section) Close() error { return nil }

// open returns a reader of the whole file; readers don't disturb each other.
func (a *archive) open() (io.ReadCloser, error) {
	return section{io.NewSectionReader(a.file, 0, a.size)}, nil
}

// close ends the use of the file, which was only read.
func (a *archive) close() { _ = a.file.Close() }
