package mirror

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/wire"
)

const (
	stateFile   = "slipway.json"
	refsFile    = "packed-refs"
	shallowFile = "shallow"
	headFile    = "HEAD"
	refsHeader  = "# pack-refs with: peeled fully-peeled sorted \n"
	bareConfig  = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
)

// repository is one bare repository on disk, open. Its objects may be read
// concurrently; everything else belongs to the holder of the mirror's lock.
type repository struct {
	dir      string
	packs    *packs
	state    state
	head     string
	refs     map[string]wire.Target
	shallows []plumbing.Hash
}

// state is what Slipway remembers beside what git does.
type state struct {
	Origin string `json:"origin"` // the URL the objects came from, without credentials
	Cloned int64  `json:"cloned"` // bytes after the first fetch
}

// newRepository makes an empty repository in dir, which must not exist.
func newRepository(dir string, s state, limit int64, objects *cacheView) (*repository, error) {
	for _, sub := range []string{"objects/pack", "objects/info", "refs/heads", "refs/tags"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make mirror: %w", err)
		}
	}
	r := &repository{dir: dir, state: s, refs: map[string]wire.Target{}}
	if err := writeFile(filepath.Join(dir, "config"), []byte(bareConfig)); err != nil {
		return nil, err
	}
	if err := r.save(); err != nil {
		return nil, err
	}
	var err error
	r.packs, err = openPacks(filepath.Join(dir, "objects", "pack"), limit, objects)
	return r, err
}

// openRepository opens what is in dir. Any error means that it can't be used.
func openRepository(dir string, limit int64, objects *cacheView) (*repository, error) {
	r := &repository{dir: dir}
	if err := r.load(); err != nil {
		return nil, err
	}
	var err error
	r.packs, err = openPacks(filepath.Join(dir, "objects", "pack"), limit, objects)
	return r, err
}

// load reads state, refs and shallow boundaries.
func (r *repository) load() error {
	raw, err := os.ReadFile(filepath.Join(r.dir, stateFile))
	if err != nil {
		return fmt.Errorf("read mirror: %w", err)
	}
	if err := json.Unmarshal(raw, &r.state); err != nil {
		return fmt.Errorf("read mirror state: %w", err)
	}
	head, err := os.ReadFile(filepath.Join(r.dir, headFile))
	if err != nil {
		return fmt.Errorf("read mirror: %w", err)
	}
	r.head = strings.TrimSpace(strings.TrimPrefix(string(head), "ref: "))
	packed, err := os.ReadFile(filepath.Join(r.dir, refsFile))
	if err != nil {
		return fmt.Errorf("read mirror: %w", err)
	}
	if r.refs, err = decodePackedRefs(packed); err != nil {
		return err
	}
	shallow, err := os.ReadFile(filepath.Join(r.dir, shallowFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read mirror: %w", err)
	}
	for line := range strings.FieldsSeq(string(shallow)) {
		if !plumbing.IsHash(line) {
			return fmt.Errorf("shallow boundary %q: %w", line, git.ErrDamaged)
		}
		r.shallows = append(r.shallows, plumbing.NewHash(line))
	}
	return nil
}

// save writes state, shallow boundaries, head and refs, each file at once.
func (r *repository) save() error {
	raw, err := json.Marshal(r.state)
	if err != nil {
		return fmt.Errorf("encode mirror state: %w", err)
	}
	head := r.head
	if head == "" {
		head = "refs/heads/main"
	}
	return errors.Join(
		writeFile(filepath.Join(r.dir, stateFile), raw),
		r.saveShallows(),
		writeFile(filepath.Join(r.dir, headFile), []byte("ref: "+head+"\n")),
		writeFile(filepath.Join(r.dir, refsFile), encodePackedRefs(r.refs)),
	)
}

func (r *repository) saveShallows() error {
	name := filepath.Join(r.dir, shallowFile)
	if len(r.shallows) == 0 {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove shallow boundaries: %w", err)
		}
		return nil
	}
	var b bytes.Buffer
	for _, h := range r.shallows {
		b.WriteString(h.String() + "\n")
	}
	return writeFile(name, b.Bytes())
}

// setRefs makes the refs those of a listing.
func (r *repository) setRefs(l *wire.Listing) error {
	if r.head == l.Head && maps.Equal(r.refs, l.Refs) {
		return nil
	}
	r.head, r.refs = l.Head, l.Refs
	return r.save()
}

// setShallows applies a server's changes to the shallow boundaries.
func (r *repository) setShallows(add, remove []plumbing.Hash) error {
	if len(add) == 0 && len(remove) == 0 {
		return nil
	}
	set := make(map[plumbing.Hash]bool, len(r.shallows)+len(add))
	for _, h := range r.shallows {
		set[h] = true
	}
	for _, h := range add {
		set[h] = true
	}
	for _, h := range remove {
		delete(set, h)
	}
	r.shallows = slices.Collect(maps.Keys(set))
	plumbing.HashesSort(r.shallows)
	return r.saveShallows()
}

// encodePackedRefs writes refs as git does, peeled tags included.
func encodePackedRefs(refs map[string]wire.Target) []byte {
	var b bytes.Buffer
	b.WriteString(refsHeader)
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		t := refs[name]
		fmt.Fprintf(&b, "%s %s\n", t.Object, name)
		if t.Commit != t.Object {
			fmt.Fprintf(&b, "^%s\n", t.Commit)
		}
	}
	return b.Bytes()
}

func decodePackedRefs(raw []byte) (map[string]wire.Target, error) {
	refs := make(map[string]wire.Target)
	last := ""
	scanner := bufio.NewScanner(bytes.NewReader(raw))
	for scanner.Scan() {
		line := scanner.Text()
		id, name, _ := strings.Cut(line, " ")
		peeled := strings.TrimPrefix(id, "^")
		switch {
		case strings.HasPrefix(line, "#"):
		case peeled != id && plumbing.IsHash(peeled) && last != "":
			refs[last] = wire.Target{Object: refs[last].Object, Commit: plumbing.NewHash(peeled)}
		case plumbing.IsHash(id) && name != "":
			h := plumbing.NewHash(id)
			refs[name], last = wire.Target{Object: h, Commit: h}, name
		default:
			return nil, fmt.Errorf("packed ref %q: %w", line, git.ErrDamaged)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read packed refs: %w", err)
	}
	return refs, nil
}

// writeFile replaces a file at once.
func writeFile(name string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "tmp_file_*")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(name), err)
	}
	return nil
}
