package assemble

import (
	"maps"
	"path"
	"strings"
	"time"
)

// kind is what is at a path.
type kind int

const (
	nothing kind = iota
	directory
	file
	link
)

// node is something that instructions made, or the metadata of a directory of the base
// image.
type node struct {
	kind     kind
	mode     int64 // permissions
	uid, gid int
	target   string // of a link
	// Source is the path of a file's content in the tree; when it is empty, data is
	// the content.
	source string
	data   string
	// Base is what else a base image says of a directory that instructions left as it was.
	base *metadata
}

// metadata is what a base image says of a directory besides its owner and mode.
type metadata struct {
	modified   time.Time
	attributes map[string]string // extended ones, as records of an archive; nil for none
}

// filesystem is what a container of a stage would see: the base image's index with what
// instructions added on top. Paths have no slash at their beginning; the root is empty.
type filesystem struct {
	base  *index
	added map[string]node
	layer map[string]bool // paths that the running instruction touched
}

func newFilesystem(base *index) *filesystem {
	return &filesystem{base: base, added: map[string]node{}, layer: map[string]bool{}}
}

// clone returns a copy for a stage that begins with this one.
func (f *filesystem) clone() *filesystem {
	made := newFilesystem(f.base)
	maps.Copy(made.added, f.added)
	return made
}

// look returns what is at a path, following nothing. Of a base image's files nothing is
// known but that they are there.
func (f *filesystem) look(name string) node {
	if name == "" {
		return f.base.root()
	}
	if n, found := f.added[name]; found {
		return n
	}
	return f.base.look(name)
}

// maxHops bounds the links that one path leads through.
const maxHops = 255

// resolve follows the links in a path, which stays inside; what doesn't exist stays as
// it is. It fails when links lead in circles.
func (f *filesystem) resolve(name string) (string, bool) {
	left := strings.Split(path.Clean("/" + name)[1:], "/")
	at := ""
	for hops := 0; len(left) > 0; {
		part := left[0]
		left = left[1:]
		if part == "" || part == "." {
			continue
		}
		if part == ".." {
			at = parentOf(at)
			continue
		}
		next := join(at, part)
		n := f.look(next)
		if n.kind != link {
			at = next
			continue
		}
		if hops++; hops > maxHops {
			return "", false
		}
		if strings.HasPrefix(n.target, "/") {
			at = ""
		}
		left = append(strings.Split(n.target, "/"), left...)
	}
	return at, true
}

// put makes something at a path in the layer of the running instruction.
func (f *filesystem) put(name string, n node) {
	f.added[name] = n
	f.touch(name)
}

// touch has a path, and the directories around it, in the layer of the running
// instruction: without them, programs that unpack it would make up their owners.
func (f *filesystem) touch(name string) {
	for ; name != "" && !f.layer[name]; name = parentOf(name) {
		f.layer[name] = true
	}
}

// takeLayer returns the paths of the running instruction's layer, and begins another.
func (f *filesystem) takeLayer() map[string]node {
	taken := make(map[string]node, len(f.layer))
	for name := range f.layer {
		taken[name] = f.look(name)
	}
	f.layer = map[string]bool{}
	return taken
}

// mkdirAll makes a directory and those around it. It fails where something else is in
// the way.
func (f *filesystem) mkdirAll(name string, uid, gid int) bool {
	if name == "" {
		return true
	}
	switch f.look(name).kind {
	case directory:
		return true
	case nothing:
	default:
		return false
	}
	if !f.mkdirAll(parentOf(name), uid, gid) {
		return false
	}
	f.put(name, node{kind: directory, mode: 0o755, uid: uid, gid: gid})
	return true
}

// parentOf returns the directory around a path; that around the root is the root.
func parentOf(name string) string { return name[:max(strings.LastIndexByte(name, '/'), 0)] }

func join(dir, name string) string { return strings.TrimPrefix(path.Join(dir, name), "/") }
