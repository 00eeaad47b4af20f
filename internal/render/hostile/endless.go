package hostile

import (
	"io/fs"
	"path"
	"time"
)

// endless is a tree in which every directory holds ten more.
type endless struct{}

// Open opens any path: there is no end.
func (endless) Open(name string) (fs.File, error) { return node{name}, nil }

// ReadDir lists ten directories.
func (endless) ReadDir(string) ([]fs.DirEntry, error) {
	var entries []fs.DirEntry
	for _, digit := range "0123456789" {
		entries = append(entries, fs.FileInfoToDirEntry(node{string(digit)}))
	}
	return entries, nil
}

type node struct{ name string }

func (n node) Name() string               { return path.Base(n.name) }
func (n node) Stat() (fs.FileInfo, error) { return n, nil }
func (n node) Read([]byte) (int, error)   { return 0, fs.ErrInvalid }
func (n node) Close() error               { return nil }
func (n node) Size() int64                { return 0 }
func (n node) ModTime() time.Time         { return time.Time{} }
func (n node) IsDir() bool                { return path.Ext(n.name) == "" }
func (n node) Sys() any                   { return nil }

func (n node) Mode() fs.FileMode {
	if n.IsDir() {
		return fs.ModeDir | 0o755
	}
	return 0o644
}
