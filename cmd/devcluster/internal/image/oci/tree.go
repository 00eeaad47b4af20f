package oci

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Epoch is the modification time of every file in a layer and the creation
// time of every image. It is after 1980, which zip and some build tools demand.
func Epoch() time.Time { return time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC) }

// Kind tells what a tree's entry is.
type Kind int

// The kinds of entries.
const (
	Dir Kind = iota
	File
	Symlink
	// Whiteout hides the entry of that path in the layers below.
	Whiteout
)

// Entry is one path of a layer.
type Entry struct {
	Kind Kind
	// Mode holds permission, setuid, setgid and sticky bits as Unix numbers.
	Mode     int64
	UID, GID int
	// Target is where a symbolic link points.
	Target string
	// Size is the number of bytes that Open yields.
	Size int64
	// Open reads a file's content. Nil for all other kinds.
	Open func() (io.ReadCloser, error)
	// Capabilities is the raw security.capability attribute, empty for none.
	Capabilities string
	// Inode is equal for hard links to one file; zero when the file has one name.
	Inode uint64
	// changed tells two states of one file apart; only ReadRoot sets it.
	changed time.Time
}

// Tree is the content of one layer: entries by absolute, clean path without the
// root itself. A parent folder that isn't named is whatever the layers below
// have there. Not safe for concurrent use.
type Tree struct {
	entries map[string]Entry
}

// NewTree returns an empty tree.
func NewTree() *Tree { return &Tree{entries: map[string]Entry{}} }

// Add puts an entry at an absolute path and refuses a path that is taken.
func (t *Tree) Add(name string, entry Entry) error {
	clean, err := cleanPath(name)
	if err != nil {
		return err
	}
	if old, taken := t.entries[clean]; taken && (old.Kind != Dir || entry.Kind != Dir) {
		return fmt.Errorf("add %s: the path is taken; give each file one destination", clean)
	}
	t.entries[clean] = entry
	return nil
}

// AddDir puts a folder of root's at name.
func (t *Tree) AddDir(name string, mode int64) error {
	return t.Add(name, Entry{Kind: Dir, Mode: mode})
}

// AddBytes puts a file of root's at name.
func (t *Tree) AddBytes(name string, mode int64, content []byte) error {
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
	return t.Add(name, Entry{Kind: File, Mode: mode, Size: int64(len(content)), Open: open})
}

// AddSymlink puts a symbolic link at name.
func (t *Tree) AddSymlink(name, target string) error {
	return t.Add(name, Entry{Kind: Symlink, Mode: 0o777, Target: target})
}

// AddPath puts a file or folder of this machine at name, folders with all they
// hold. Everything belongs to root. A mode above zero is every file's; else a
// file is 0755 when anyone may execute it and 0644 otherwise, so that the umask
// of whoever made it doesn't change the digest. Keep says which paths, relative
// to source, go in; nil means all.
func (t *Tree) AddPath(source, name string, mode int64, keep func(relative string) bool) error {
	return filepath.WalkDir(source, func(file string, found fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		relative, err := filepath.Rel(source, file)
		if err != nil {
			return fmt.Errorf("locate %s in %s: %w", file, source, err)
		}
		if keep != nil && !keep(filepath.ToSlash(relative)) {
			if found.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		entry, err := plainEntry(file, relative == ".", mode)
		if err != nil {
			return err
		}
		target := path.Join(name, filepath.ToSlash(relative))
		if target == "/" && entry.Kind == Dir {
			return nil
		}
		return t.Add(target, entry)
	})
}

// plainEntry describes a file of this machine without its owner. The named
// source itself is followed when it is a symbolic link; links below it stay links.
func plainEntry(file string, follow bool, mode int64) (Entry, error) {
	stat := os.Lstat
	if follow {
		stat = os.Stat
	}
	info, err := stat(file)
	if err != nil {
		return Entry{}, fmt.Errorf("read %s: %w", file, err)
	}
	switch {
	case info.IsDir():
		return Entry{Kind: Dir, Mode: 0o755}, nil
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(file)
		if err != nil {
			return Entry{}, fmt.Errorf("read link: %w", err)
		}
		return Entry{Kind: Symlink, Mode: 0o777, Target: target}, nil
	case !info.Mode().IsRegular():
		return Entry{}, fmt.Errorf("read %s: it is neither file, folder nor link (%s); leave it out", file, info.Mode().Type())
	}
	if mode == 0 {
		mode = 0o644
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
	}
	return Entry{Kind: File, Mode: mode, Size: info.Size(), Open: opener(file)}, nil
}

// ReadRoot describes a root file system on this machine with its owners, modes,
// hard links and file capabilities. Devices, sockets and pipes are left out:
// a container's runtime makes its own. Keep is as in AddPath.
func ReadRoot(root string, keep func(relative string) bool) (*Tree, error) {
	tree := NewTree()
	err := filepath.WalkDir(root, func(file string, found fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		relative := strings.TrimPrefix(strings.TrimPrefix(file, root), "/")
		if relative == "" {
			return nil
		}
		if !keep(relative) {
			if found.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		entry, ok, err := ownedEntry(file)
		if err != nil || !ok {
			return err
		}
		return tree.Add("/"+relative, entry)
	})
	if err != nil {
		return nil, err
	}
	return tree, nil
}

// ownedEntry describes a file with its owner. The second result is false for
// what no layer holds.
func ownedEntry(file string) (Entry, bool, error) {
	info, err := os.Lstat(file)
	if err != nil {
		return Entry{}, false, fmt.Errorf("read %s: %w", file, err)
	}
	status, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Entry{}, false, fmt.Errorf("read %s: no owner known on this system", file)
	}
	entry := Entry{
		Mode: int64(status.Mode & 0o7777), UID: int(status.Uid), GID: int(status.Gid),
		changed: time.Unix(status.Ctim.Unix()),
	}
	switch status.Mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		entry.Kind = Dir
	case syscall.S_IFLNK:
		entry.Kind, entry.Mode = Symlink, 0o777
		if entry.Target, err = os.Readlink(file); err != nil {
			return Entry{}, false, fmt.Errorf("read link: %w", err)
		}
	case syscall.S_IFREG:
		entry.Kind, entry.Size, entry.Open = File, info.Size(), opener(file)
		entry.Capabilities = capabilities(file)
		if status.Nlink > 1 {
			entry.Inode = status.Ino
		}
	default:
		return Entry{}, false, nil
	}
	return entry, true, nil
}

// capabilities reads a file's raw capabilities; a file system without the
// attribute has none.
func capabilities(file string) string {
	value := make([]byte, 64) // the kernel's largest revision has 24 bytes
	n, err := syscall.Getxattr(file, "security.capability", value)
	if err != nil {
		return ""
	}
	return string(value[:n])
}

// Since returns what turns base into t: new and changed entries, and whiteouts
// for those that t lacks. Both must come from ReadRoot of one folder.
func (t *Tree) Since(base *Tree) *Tree {
	difference := NewTree()
	for name, entry := range t.entries {
		old, existed := base.entries[name]
		if !existed || !entry.same(old) {
			difference.entries[name] = entry
		}
	}
	for name := range base.entries {
		_, kept := t.entries[name]
		_, parentKept := t.entries[path.Dir(name)]
		if !kept && (parentKept || path.Dir(name) == "/") {
			difference.entries[name] = Entry{Kind: Whiteout}
		}
	}
	for name := range difference.entries {
		for parent := path.Dir(name); parent != "/"; parent = path.Dir(parent) {
			difference.entries[parent] = t.entries[parent]
		}
	}
	return difference
}

// same compares two states of one path. A folder's change time moves with its
// content, so it doesn't count.
func (e Entry) same(old Entry) bool {
	return e.Kind == old.Kind && e.Mode == old.Mode && e.UID == old.UID && e.GID == old.GID &&
		e.Target == old.Target && e.Size == old.Size && e.Capabilities == old.Capabilities &&
		(e.Kind != File || e.changed.Equal(old.changed))
}

// AddParents names every parent folder that isn't, 0755 and root's: for a layer
// that has none below it.
func (t *Tree) AddParents() {
	for _, name := range t.names() {
		for parent := path.Dir(name); parent != "/"; parent = path.Dir(parent) {
			if _, named := t.entries[parent]; !named {
				t.entries[parent] = Entry{Kind: Dir, Mode: 0o755}
			}
		}
	}
}

// names lists the paths, parents before what they hold.
func (t *Tree) names() []string {
	return slices.SortedFunc(maps.Keys(t.entries), func(a, b string) int {
		return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/"))
	})
}

func opener(file string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return os.Open(file) }
}

// cleanPath refuses what isn't an absolute path below the root.
func cleanPath(name string) (string, error) {
	clean := path.Clean(name)
	if !path.IsAbs(name) || clean == "/" || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("add %q: not an absolute path below /; give the full path in the image", name)
	}
	return clean, nil
}
