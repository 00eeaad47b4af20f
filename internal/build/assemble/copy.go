package assemble

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// copying is what COPY and ADD have in common.
type copying struct {
	instructions.SourcesAndDest
	chown, chmod string
	from         *stage // nil for the context
	unpacks      bool   // ADD unpacks archives
}

// source is a file, a directory with what is in it, or a link, before it is copied.
type source struct {
	name  string          // its path where it comes from
	nodes map[string]node // by path below it; "" is itself
}

// copy carries out COPY or ADD.
func (s *stage) copy(ctx context.Context, c copying) error {
	by, mode, err := s.ownership(c)
	if err != nil {
		return err
	}
	dest := s.absolute(c.DestPath)
	many := len(c.SourcePaths)+len(c.SourceContents) > 1
	for _, word := range c.SourcePaths {
		found, err := s.sources(ctx, c, word)
		if err != nil {
			return err
		}
		if (many || len(found) > 1) && !strings.HasSuffix(dest, "/") {
			return obstacle(0, "several files are copied to %s, which is not written as a directory", dest)
		}
		for _, one := range found {
			if err := s.fs.copyTo(one, dest, by, mode); err != nil {
				return err
			}
		}
	}
	for _, document := range c.SourceContents {
		one := source{name: document.Path, nodes: map[string]node{"": {kind: file, mode: 0o644, data: document.Data}}}
		if err := s.fs.copyTo(one, dest, by, mode); err != nil {
			return err
		}
	}
	return nil
}

// keepMode leaves modes as they are.
const keepMode = -1

// ownership reads --chown and --chmod.
func (s *stage) ownership(c copying) (by owner, mode int64, err error) {
	if c.chown != "" {
		var known bool
		if by, known = s.fs.ownerOf(c.chown); !known {
			return by, 0, obstacle(0, "the numbers of --chown=%s are not known for certain", c.chown)
		}
	}
	if c.chmod == "" {
		return by, keepMode, nil
	}
	value, err := strconv.ParseUint(c.chmod, 8, 9)
	if err != nil {
		return by, 0, obstacle(0, "--chmod=%s is no plain octal mode", c.chmod)
	}
	return by, int64(value), nil
}

// absolute returns a destination from the root on; a slash at the end stays.
func (s *stage) absolute(dest string) string {
	slash := dest == "" || dest == "." || strings.HasSuffix(dest, "/") || strings.HasSuffix(dest, "/.")
	if !path.IsAbs(dest) {
		dest = path.Join("/", s.config.Config.WorkingDir, dest)
	}
	if dest = path.Clean(dest); slash && dest != "/" {
		dest += "/"
	}
	return dest
}

// sources finds what a word of COPY or ADD means.
func (s *stage) sources(ctx context.Context, c copying, word string) ([]source, error) {
	if c.from != nil {
		return c.from.files(word, c.chown != "")
	}
	names, certain, err := s.order.selection.Find(word)
	if err != nil {
		return nil, err
	}
	if !certain {
		return nil, obstacle(0, "what %s means in the context depends on the builder", word)
	}
	var found []source
	for _, name := range names {
		one, err := s.contextSource(ctx, name)
		if err != nil {
			return nil, err
		}
		if len(one.nodes) == 0 {
			continue
		}
		if c.unpacks && one.nodes[""].kind == file {
			if err := s.checkArchive(one); err != nil {
				return nil, err
			}
		}
		found = append(found, one)
	}
	if len(found) == 0 {
		return nil, obstacle(0, "the context has no %s, or the ignore file leaves it out", word)
	}
	return found, nil
}

// contextSource returns what is at a path of the context.
func (s *stage) contextSource(ctx context.Context, name string) (source, error) {
	one := source{name: name, nodes: map[string]node{}}
	if name == "." {
		one.nodes[""] = node{kind: directory, mode: 0o755}
	}
	err := s.order.selection.Below(ctx, name, func(at string, mode fs.FileMode) error {
		below := at
		if name != "." {
			below = strings.TrimPrefix(strings.TrimPrefix(at, name), "/")
		}
		if err := s.order.spend(1); err != nil {
			return err
		}
		made, err := s.contextNode(at, mode)
		one.nodes[below] = made
		return err
	})
	return one, err
}

// contextNode returns what a file, directory or link of the context becomes.
func (s *stage) contextNode(at string, mode fs.FileMode) (node, error) {
	full := path.Join(s.order.Context, at)
	switch mode.Type() {
	case fs.ModeDir, fs.ModeIrregular: // a submodule is an empty directory
		return node{kind: directory, mode: 0o755}, nil
	case fs.ModeSymlink:
		target, err := s.order.Tree.ReadLink(full)
		return node{kind: link, mode: 0o777, target: target}, err
	}
	exact, _, err := s.order.Tree.Entry(full)
	return node{kind: file, mode: int64(exact.Perm()), source: full}, err
}

// checkArchive refuses a file that ADD might unpack.
func (s *stage) checkArchive(one source) error {
	data, err := fs.ReadFile(s.order.Tree, one.nodes[""].source)
	if err != nil {
		return err
	}
	for _, magic := range []string{"\x1f\x8b", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"} { // gzip, bzip2, xz, zstd
		if bytes.HasPrefix(data, []byte(magic)) {
			return obstacle(0, "ADD may unpack %s", one.name)
		}
	}
	if _, err := tar.NewReader(bytes.NewReader(data)).Next(); err == nil {
		return obstacle(0, "ADD unpacks %s", one.name)
	}
	return nil
}

// files finds files of a stage for another one. Only what instructions made is known; a
// path that leads to files of its base image is not. Whether files keep owners of their
// own that aren't changed, builders don't agree.
func (s *stage) files(word string, changed bool) ([]source, error) {
	if strings.ContainsAny(word, "*?[\\") {
		return nil, obstacle(0, "which files of a stage %s means is not known", word)
	}
	name, ok := s.fs.resolve(word)
	if !ok || name == "" || s.fs.base.look(name).kind != nothing {
		return nil, obstacle(0, "%s of the stage is, or may be, its base image's", word)
	}
	top, found := s.fs.added[name]
	if !found {
		return nil, obstacle(0, "the stage has no %s", word)
	}
	one := source{name: path.Clean("/" + word), nodes: map[string]node{"": top}}
	for at, n := range s.fs.added {
		if below, is := strings.CutPrefix(at, name+"/"); is {
			one.nodes[below] = n
		}
	}
	if err := s.order.spend(len(one.nodes)); err != nil {
		return nil, err
	}
	for _, n := range one.nodes {
		if !changed && (n.uid != 0 || n.gid != 0) {
			return nil, obstacle(0, "builders don't agree on the owner of %s", word)
		}
	}
	return []source{one}, nil
}

// copyTo copies a source to a destination, as builders do. By is the owner of all that is
// made, mode that of what is copied.
func (f *filesystem) copyTo(one source, dest string, by owner, mode int64) error {
	around := dest
	if !strings.HasSuffix(dest, "/") {
		around = path.Dir(dest)
	}
	if at, ok := f.resolve(around); !ok || !f.mkdirAll(at, by.uid, by.gid) {
		return obstacle(0, "something that is no directory is in the way of %s", dest)
	}
	at, ok := f.resolve(dest)
	if !ok {
		return obstacle(0, "links lead in circles on the way to %s", dest)
	}
	top, there := one.nodes[""], f.look(at).kind
	if top.kind != directory && there == directory {
		at = join(at, path.Base(one.name))
	}
	around = parentOf(at)
	if top.kind == directory && there == nothing {
		around = at
	}
	if !f.mkdirAll(around, by.uid, by.gid) {
		return obstacle(0, "something that is no directory is in the way of %s", dest)
	}
	for _, below := range slices.Sorted(maps.Keys(one.nodes)) {
		made := one.nodes[below]
		made.uid, made.gid = by.uid, by.gid
		if mode != keepMode && made.kind != link {
			made.mode = mode
		}
		if err := f.place(join(at, below), made, below == ""); err != nil {
			return err
		}
	}
	return nil
}

// place puts one file, directory or link where it is copied to.
func (f *filesystem) place(at string, made node, top bool) error {
	there := f.look(at)
	switch {
	case made.kind != directory && there.kind == directory:
		return obstacle(0, "a file would take the place of the directory /%s", at)
	case made.kind != directory:
		f.put(at, made)
	case there.kind == nothing:
		f.put(at, made)
	case there.kind != directory:
		return obstacle(0, "a directory would take the place of /%s", at)
	case top:
		f.touch(at) // the destination stays as it is
	case there.mode != made.mode || there.uid != made.uid || there.gid != made.gid:
		return obstacle(0, "builders don't agree on the owner and mode of /%s, which exists", at)
	default:
		f.touch(at)
	}
	return nil
}

// stepError gives an obstacle the line of its instruction.
func stepError(line int, err error) error {
	if found, is := err.(*Obstacle); is && found.Line == 0 { //nolint:errorlint // it is made here and not wrapped
		return obstacle(line, "%s", found.Reason)
	}
	if err != nil {
		return fmt.Errorf("line %d: %w", line, err)
	}
	return nil
}
