package fingerprint

import (
	"io/fs"
	"path"
	"sync"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// FileTree is a tree whose files can be read.
type FileTree interface {
	Tree
	fs.FS
	// Hash returns the object id of a file or directory.
	Hash(path string) (string, error)
}

// Recording remembers what is read of commits. It is safe for concurrent use.
type Recording struct {
	mu      sync.Mutex
	commits []*RecordedTree
}

// RecordedTree is a tree that remembers what is read of it.
type RecordedTree struct {
	tree     FileTree
	source   tree.Source
	revision Revision

	mu    sync.Mutex
	reads map[question]bool
}

var _ tree.Source = (*RecordedTree)(nil)

// Tree returns the tree of a revision, which is remembered with what is read of
// it.
func (r *Recording) Tree(revision Revision, of FileTree) *RecordedTree {
	made := &RecordedTree{tree: of, source: tree.FromFS(of), revision: revision, reads: map[question]bool{}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commits = append(r.commits, made)
	return made
}

// Fingerprint returns the fingerprint of a basis and what was read so far, nil when
// it would be too large to be kept.
func (r *Recording) Fingerprint(basis string) (*Fingerprint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	made := Fingerprint{Basis: basis}
	var trees []Tree
	for _, commit := range r.commits {
		reads, err := commit.recorded()
		if err != nil {
			return nil, err
		}
		made.Commits = append(made.Commits, Commit{Revision: commit.revision, Reads: reads})
		trees = append(trees, commit.tree)
	}
	made.share()
	return made.fitting(trees)
}

// recorded returns what was read. The answers come from the same function that
// later commits are asked with, so that the two can't differ.
func (t *RecordedTree) recorded() ([]Read, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	reads := make([]Read, 0, len(t.reads))
	for asked := range t.reads {
		found, err := answer(t.tree, asked.kind, asked.path)
		if err != nil {
			return nil, err
		}
		reads = append(reads, Read{Kind: asked.kind, Path: asked.path, Answer: found})
	}
	return compact(reads), nil
}

// Unrecorded returns the tree itself, for what reads only what was recorded before.
func (t *RecordedTree) Unrecorded() FileTree { return t.tree }

func (t *RecordedTree) record(kind Kind, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reads[question{kind, path.Clean(name)}] = true
}

// Look implements tree.Source.
func (t *RecordedTree) Look(name string) (fs.FileMode, error) {
	t.record(Look, name)
	return t.source.Look(name)
}

// Read implements tree.Source.
func (t *RecordedTree) Read(name string, most int64) ([]byte, error) {
	t.record(Object, name)
	return t.source.Read(name, most)
}

// List implements tree.Source.
func (t *RecordedTree) List(dir string) ([]tree.Entry, error) {
	t.record(List, dir)
	return t.source.List(dir)
}

// Type returns the type of what is at a path. Nothing is followed: where something on
// the way is no directory, it is what is returned.
func (t *RecordedTree) Type(name string) (fs.FileMode, error) {
	t.record(Look, name)
	mode, _, err := t.tree.Entry(name)
	return mode.Type(), err
}

// Names returns the entries of a directory. Only their names and types are recorded.
func (t *RecordedTree) Names(dir string) ([]fs.DirEntry, error) {
	t.record(List, dir)
	return t.tree.ReadDir(dir)
}

// Open implements fs.FS.
func (t *RecordedTree) Open(name string) (fs.File, error) {
	t.record(Object, name)
	return t.tree.Open(name)
}

// ReadDir implements fs.ReadDirFS.
func (t *RecordedTree) ReadDir(dir string) ([]fs.DirEntry, error) {
	t.record(Object, dir)
	return t.tree.ReadDir(dir)
}

// Hash returns the object id of a file or directory.
func (t *RecordedTree) Hash(name string) (string, error) {
	t.record(Object, name)
	return t.tree.Hash(name)
}

// Entry implements Tree.
func (t *RecordedTree) Entry(name string) (fs.FileMode, string, error) {
	t.record(Object, name)
	return t.tree.Entry(name)
}
