package fingerprint

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Tree is a commit's tree. Neither method reads a file.
type Tree interface {
	// Entry returns the mode of what is at a path and its object id, and follows
	// nothing: where something on the way is no directory, it is what is returned.
	Entry(path string) (fs.FileMode, string, error)
	// ReadDir lists a directory.
	ReadDir(path string) ([]fs.DirEntry, error)
}

// Kind is what a release wanted to know of a path.
type Kind string

// The kinds of reads, from the one that tells the least.
const (
	// Look asks what is there, if anything: a file, a directory, a link.
	Look Kind = "look"
	// List asks for the names and types of a directory's entries.
	List Kind = "list"
	// Object asks for all that is there: a file's content and whether it is executable,
	// or a directory with everything below it.
	Object Kind = "object"
)

// Read is something that was read of a commit's tree.
type Read struct {
	Kind Kind   `json:"kind"`
	Path string `json:"path"`
	// Answer is what was found. Equal answers mean equal content.
	Answer string `json:"answer"`
}

// answer returns what a tree has to say to a read.
func answer(tree Tree, kind Kind, name string) (string, error) {
	mode, id, err := tree.Entry(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "absent", nil
	}
	if err != nil {
		return "", fmt.Errorf("look at %s: %w", name, err)
	}
	switch {
	case kind == Object && mode.IsRegular() && mode.Perm()&0o111 != 0:
		return "executable " + id, nil
	case kind == Object:
		return typeOf(mode) + " " + id, nil
	case kind == List && mode.IsDir():
		return listing(tree, name)
	}
	return typeOf(mode), nil
}

// typeOf returns the name of a file type.
func typeOf(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "file"
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "link"
	}
	return "other"
}

// listing returns a digest of the names and types in a directory. Its object id
// would change with the content of every file below it.
func listing(tree Tree, dir string) (string, error) {
	entries, err := tree.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("list %s: %w", dir, err)
	}
	hash := sha256.New()
	for _, entry := range entries {
		fmt.Fprintf(hash, "%s %d:%s\n", typeOf(entry.Type()), len(entry.Name()), entry.Name())
	}
	return "entries " + hex.EncodeToString(hash.Sum(nil)[:20]), nil
}

// compact sorts reads, and leaves out those that others answer as well: whoever
// knows a whole object knows what it is, and all that is below it.
func compact(reads []Read) []Read {
	whole := map[string]bool{}
	for _, r := range reads {
		if r.Kind == Object && r.Answer != "absent" {
			whole[r.Path] = true
		}
	}
	reads = slices.DeleteFunc(slices.Clone(reads), func(r Read) bool {
		return r.Kind != Object && whole[r.Path] || inside(r.Path, whole)
	})
	slices.SortFunc(reads, func(a, b Read) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	return slices.Compact(reads)
}

// inside reports whether a path is below one of some directories.
func inside(name string, directories map[string]bool) bool {
	for name != "." {
		if name = path.Dir(name); directories[name] {
			return true
		}
	}
	return false
}
