package assemble

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Limits of a base image whose files are looked at; one that is larger is left to a
// builder.
const (
	maxBaseEntries    = 100_000  // directories that layers leave out are among them
	maxBaseNames      = 16 << 20 // bytes of all paths, targets of links and extended attributes
	maxBasePath       = 4096     // bytes of one path, or of a link's target; Linux has no longer ones
	maxBaseCompressed = 1 << 30  // bytes
	maxBaseBytes      = 2 << 30
	maxAccountBytes   = 256 << 10 // of /etc/passwd, and of /etc/group
)

// index is what is known of a base image's files: directories with their metadata,
// links, that other files exist, and accounts. It is immutable and safe for concurrent
// use.
type index struct {
	dirs   map[string]node
	links  map[string]string
	files  []uint64 // hashes of paths, sorted
	seed   maphash.Seed
	passwd []byte
	group  []byte
	size   int // about how many bytes of memory
}

// errStrange says that an image's layers are something that runtimes unpack each in
// their own way.
var errStrange = errors.New("its layers are unusual")

// emptyIndex is that of scratch.
func emptyIndex() *index { return &index{seed: maphash.MakeSeed()} }

// root is the directory around all others, which no layer changes.
func (i *index) root() node { return node{kind: directory, mode: 0o755} }

func (i *index) look(name string) node {
	if dir, found := i.dirs[name]; found {
		return dir
	}
	if target, found := i.links[name]; found {
		return node{kind: link, target: target}
	}
	if _, found := slices.BinarySearch(i.files, maphash.String(i.seed, name)); found {
		return node{kind: file}
	}
	return node{}
}

// readIndex reads the layers of a base image from the lowest on. They are hostile.
func readIndex(layers []v1.Layer) (*index, error) {
	if len(layers) > maxLayers {
		return nil, errTooLarge
	}
	var compressed int64
	for _, layer := range layers {
		size, err := layer.Size()
		if err != nil {
			return nil, err
		}
		if compressed += size; compressed > maxBaseCompressed {
			return nil, errTooLarge
		}
	}
	r := &indexReader{entries: map[string]*tar.Header{}, accounts: map[string][]byte{}, left: maxBaseBytes}
	for _, layer := range layers {
		if err := r.layer(layer); err != nil {
			return nil, err
		}
	}
	return r.index(), nil
}

var errTooLarge = errors.New("it is too large to be looked at")

// indexReader puts layers on top of each other.
type indexReader struct {
	entries  map[string]*tar.Header
	accounts map[string][]byte
	names    int   // bytes
	left     int64 // bytes
}

// contents are what one layer has, and the paths that it takes away.
type contents struct {
	entries map[string]*tar.Header
	gone    []string
}

// layer reads one layer. What it takes away counts for those below it only.
func (r *indexReader) layer(layer v1.Layer) (err error) {
	stream, err := decompress(layer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stream.Close()) }()
	read := &contents{entries: map[string]*tar.Header{}}
	archive := tar.NewReader(&boundedReader{next: stream, left: &r.left})
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return r.add(read.entries, read.gone)
		}
		if err != nil {
			return fmt.Errorf("read a layer: %w", err)
		}
		if err := r.entry(read, header, archive); err != nil {
			return err
		}
	}
}

// entry reads one entry of a layer.
func (r *indexReader) entry(of *contents, header *tar.Header, content io.Reader) error {
	name, err := nameOf(header)
	if err != nil || name == "" || header.Typeflag == tar.TypeXGlobalHeader {
		return err
	}
	if removed, is := strings.CutPrefix(path.Base(name), ".wh."); is {
		taken, err := whiteout(parentOf(name), removed)
		if of.gone = append(of.gone, taken...); len(of.gone) > maxBaseEntries {
			return errTooLarge
		}
		return err
	}
	kept := slim(header)
	if r.names += len(name) + len(kept.Linkname) + attributeBytes(kept.PAXRecords); r.names > maxBaseNames || len(of.entries)+len(r.entries) >= maxBaseEntries {
		return errTooLarge
	}
	of.entries[name] = kept
	return r.account(name, header, content)
}

// whiteout returns what a whiteout takes away; a slash at the end means that only what
// is in the directory goes.
func whiteout(dir, removed string) ([]string, error) {
	switch {
	case removed == ".wh..opq":
		return []string{dir + "/"}, nil
	case strings.HasPrefix(removed, ".wh."):
		return nil, nil // records of other storage drivers
	case removed == "" || removed == "." || removed == "..":
		return nil, errStrange // it names a directory around it
	}
	return []string{join(dir, removed)}, nil
}

// account keeps the files that names of users and groups are in.
func (r *indexReader) account(name string, header *tar.Header, content io.Reader) error {
	if name != "etc/passwd" && name != "etc/group" {
		return nil
	}
	delete(r.accounts, name)
	if header.Typeflag != tar.TypeReg || header.Size > maxAccountBytes {
		return nil
	}
	data, err := io.ReadAll(content)
	if err != nil {
		return fmt.Errorf("read /%s of a layer: %w", name, err)
	}
	r.accounts[name] = data
	return nil
}

// nameOf returns the path of an entry.
func nameOf(header *tar.Header) (string, error) {
	tooLong := len(header.Name) > maxBasePath || len(header.Linkname) > maxBasePath
	if tooLong || slices.Contains(strings.Split(header.Name, "/"), "..") {
		return "", errStrange
	}
	return strings.TrimPrefix(path.Clean("/"+header.Name), "/"), nil
}

// add puts a layer on top of those before.
func (r *indexReader) add(entries map[string]*tar.Header, gone []string) error {
	r.remove(gone)
	if err := r.addParents(entries); err != nil {
		return err
	}
	var replaced []string
	for name, header := range entries {
		if below := r.entries[name]; below != nil && below.Typeflag == tar.TypeDir && header.Typeflag != tar.TypeDir {
			replaced = append(replaced, name)
		}
	}
	r.remove(replaced)
	maps.Copy(r.entries, entries)
	return nil
}

// addParents adds the directories that a layer leaves out, as runtimes make them.
func (r *indexReader) addParents(entries map[string]*tar.Header) error {
	checked := map[string]bool{"": true}
	for _, name := range slices.Collect(maps.Keys(entries)) {
		for dir := parentOf(name); !checked[dir]; dir = parentOf(dir) {
			checked[dir] = true
			switch is := cmp.Or(entries[dir], r.entries[dir]); {
			case is == nil && len(entries)+len(r.entries) >= maxBaseEntries:
				return errTooLarge
			case is == nil:
				entries[dir] = &tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}
			case is.Typeflag != tar.TypeDir:
				return errStrange
			}
		}
	}
	return nil
}

// slim keeps what is needed of a header. Texts of a header share memory that may be
// large, so they are copied.
func slim(header *tar.Header) *tar.Header {
	switch header.Typeflag {
	case tar.TypeDir:
		return &tar.Header{Typeflag: tar.TypeDir, Mode: header.Mode & 0o7777, Uid: header.Uid, Gid: header.Gid, ModTime: header.ModTime, PAXRecords: xattrs(header)}
	case tar.TypeSymlink:
		return &tar.Header{Typeflag: tar.TypeSymlink, Linkname: strings.Clone(header.Linkname)}
	}
	return &tar.Header{Typeflag: tar.TypeReg}
}

// xattrs returns the extended attributes of an entry, nil for none.
func xattrs(header *tar.Header) map[string]string {
	var kept map[string]string
	for key, value := range header.PAXRecords {
		if strings.HasPrefix(key, "SCHILY.xattr.") {
			kept = orNew(kept)
			kept[strings.Clone(key)] = strings.Clone(value)
		}
	}
	return kept
}

// attributeBytes returns the size of extended attributes.
func attributeBytes(attributes map[string]string) int {
	size := 0
	for key, value := range attributes {
		size += len(key) + len(value)
	}
	return size
}

// remove takes paths away, with what is below them.
func (r *indexReader) remove(gone []string) {
	if len(gone) == 0 {
		return
	}
	whole, inside := map[string]bool{}, map[string]bool{}
	for _, name := range gone {
		if dir, only := strings.CutSuffix(name, "/"); only {
			inside[dir] = true
		} else {
			whole[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.entries)) { // directories before what is in them
		if dir := parentOf(name); whole[name] || inside[dir] || whole[dir] {
			whole[name] = true
			delete(r.entries, name)
		}
	}
}

// index returns what is known once all layers were read.
func (r *indexReader) index() *index {
	made := &index{dirs: map[string]node{}, links: map[string]string{}, seed: maphash.MakeSeed()}
	for name, header := range r.entries {
		switch header.Typeflag {
		case tar.TypeDir:
			made.dirs[name] = node{kind: directory, mode: header.Mode, uid: header.Uid, gid: header.Gid, base: &metadata{header.ModTime, header.PAXRecords}}
			made.size += 250 + len(name) + attributeBytes(header.PAXRecords)
		case tar.TypeSymlink:
			made.links[name] = header.Linkname
			made.size += 100 + len(name) + len(header.Linkname)
		default:
			made.files = append(made.files, maphash.String(made.seed, name))
			made.size += 8
		}
	}
	slices.Sort(made.files)
	if header := r.entries["etc/passwd"]; header != nil {
		made.passwd = r.accounts["etc/passwd"]
	}
	if header := r.entries["etc/group"]; header != nil {
		made.group = r.accounts["etc/group"]
	}
	made.size += len(made.passwd) + len(made.group)
	return made
}

// boundedReader fails beyond a limit that several readers share.
type boundedReader struct {
	next io.Reader
	left *int64
}

// Read reads while the limit isn't met.
func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.next.Read(p)
	if *b.left -= int64(n); *b.left < 0 {
		return n, errTooLarge
	}
	return n, err
}
