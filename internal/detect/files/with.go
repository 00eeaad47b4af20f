package files

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// With returns a file system that has more files, which win.
func With(fsys fs.FS, more map[string][]byte) fs.FS {
	return &overlaid{Source: tree.FromFS(fsys), below: fsys, files: more}
}

type overlaid struct {
	tree.Source
	below fs.FS
	files map[string][]byte
}

// Open implements fs.FS.
func (o *overlaid) Open(name string) (fs.File, error) {
	if data, is := o.files[name]; is {
		return &openFile{Reader: bytes.NewReader(data), info: fileInfo{path.Base(name), int64(len(data))}}, nil
	}
	return o.below.Open(name)
}

// Look implements tree.Source.
func (o *overlaid) Look(name string) (fs.FileMode, error) {
	if _, is := o.files[name]; is {
		return 0, nil
	}
	return o.Source.Look(name)
}

// Read implements tree.Source.
func (o *overlaid) Read(name string, most int64) ([]byte, error) {
	if data, is := o.files[name]; is {
		return data[:min(int64(len(data)), most)], nil
	}
	return o.Source.Read(name, most)
}

// List implements tree.Source.
func (o *overlaid) List(dir string) ([]tree.Entry, error) {
	entries, err := o.Source.List(dir)
	if err != nil {
		return nil, err
	}
	for name := range o.files {
		if path.Dir(name) == dir && !slices.ContainsFunc(entries, func(e tree.Entry) bool { return e.Name == path.Base(name) }) {
			entries = append(entries, tree.Entry{Name: path.Base(name)})
		}
	}
	slices.SortFunc(entries, func(a, b tree.Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

// openFile is a file of its own bytes.
type openFile struct {
	io.Reader
	info fileInfo
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type fileInfo struct {
	name string
	size int64
}

func (f fileInfo) Name() string       { return f.name }
func (f fileInfo) Size() int64        { return f.size }
func (f fileInfo) Mode() fs.FileMode  { return 0o644 }
func (f fileInfo) ModTime() time.Time { return time.Time{} }
func (f fileInfo) IsDir() bool        { return false }
func (f fileInfo) Sys() any           { return nil }
