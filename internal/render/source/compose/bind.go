package compose

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/slipway-dev/slipway/internal/render/source/compose/file"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// maxBound is how many files a bound directory of the commit may have.
const maxBound = 100

// maxBoundBytes is how much they may have, with room for their names.
const maxBoundBytes = 1<<20 - 20<<10

// binds mounts what the service binds of the commit. It returns the targets of
// source code that is left out, because the image has it.
func (e *expansion) binds(name string, from service, in *workload.Input) (hidden []string, err error) {
	for i, mount := range from.Volumes {
		if mount.Type != types.VolumeTypeBind {
			continue
		}
		b := bind{expansion: e, service: name, mount: mount, in: in, at: e.key(name, "volumes", strconv.Itoa(i))}
		left, err := b.apply()
		if err != nil {
			return nil, err
		}
		if left {
			hidden = append(hidden, mount.Target)
		}
	}
	return hidden, nil
}

// bind is one bind mount.
type bind struct {
	*expansion
	service string
	mount   volumeConfig
	in      *workload.Input
	at      tree.Place
}

// apply mounts it, and reports whether it is source code that was left out.
func (b bind) apply() (left bool, err error) {
	source := b.mount.Source
	if home, is := strings.CutPrefix(source, "~/"); is {
		b.persistent(home, "is in a home directory of the machine, which a stage doesn't see")
		return false, nil
	}
	if path.IsAbs(source) || strings.HasPrefix(source, "~") {
		b.machine(source)
		return false, nil
	}
	name, err := tree.Resolve(b.at, b.Dir, source)
	if err != nil {
		return false, b.RefuseAs(b.at, err)
	}
	kind, err := b.commit.Look(b.at, name)
	switch {
	case err != nil:
		return false, b.RefuseAs(b.at, err)
	case kind == file.RegularFile:
		return false, b.file(name)
	case kind == file.Directory:
		return b.directory(name)
	}
	if isFile(name) || isFile(b.mount.Target) {
		b.Refuse(b.at, "%s is not in this commit; commit it, or remove it", tree.Quote(name))
	} else {
		b.persistent(name, "is not in this commit")
	}
	return false, nil
}

// machine refuses what a stage doesn't see, but for the time zone, which is
// left out.
func (b bind) machine(source string) {
	switch {
	case strings.HasSuffix(source, "/docker.sock"), strings.HasSuffix(source, "/podman.sock"):
		b.Refuse(b.at, "%s is the machine's Docker, which a stage doesn't see; leave this service out of compose.services: nothing here is started by Docker", tree.Quote(source))
	case source == "/etc/localtime" || source == "/etc/timezone":
		b.Warn(b.at, "%s is the machine's; it is left out: set the variable TZ", tree.Quote(source))
	default:
		b.Refuse(b.at, "%s is of the machine, which a stage doesn't see; use a named volume, or a file of the repository by a relative path", tree.Quote(source))
	}
}

// file mounts a committed file.
func (b bind) file(name string) error {
	data, err := b.commit.File(b.at, name)
	if err != nil {
		return b.RefuseAs(b.at, err)
	}
	if b.in.Files == nil {
		b.in.Files = map[string]string{}
	}
	b.in.Files[path.Clean(b.mount.Target)] = string(data)
	b.checkSize(name, b.in.Files)
	b.sayReadOnly(name)
	return nil
}

// checkSize refuses more than Kubernetes stores in one object.
func (b bind) checkSize(name string, files map[string]string) {
	size := 0
	for _, content := range files {
		size += len(content)
	}
	if size > maxBoundBytes {
		b.Refuse(b.at, "with %s, more than %d bytes of the commit are mounted; put them into the image", tree.Quote(name), maxBoundBytes)
	}
}

func (b bind) sayReadOnly(name string) {
	if !b.mount.ReadOnly {
		b.Warn(b.at, "%s is a part of the commit, so it is mounted read-only", tree.Quote(name))
	}
}

// directory mounts a committed directory with few files, unless the image has
// it.
func (b bind) directory(name string) (left bool, err error) {
	if b.builds[b.service].copies(name) {
		b.Warn(b.at, "%s is source code that the image is built from; it is left out: the image has it", tree.Quote(name))
		return true, nil
	}
	names, all, err := b.commit.Files(b.at, name, maxBound)
	switch {
	case err != nil:
		return false, b.RefuseAs(b.at, err)
	case !all:
		b.Refuse(b.at, "%s is a directory of the commit with more than %d files; put it into the image", tree.Quote(name), maxBound)
		return false, nil
	}
	names = slices.DeleteFunc(names, func(n string) bool { return path.Base(n) == ".gitkeep" || path.Base(n) == ".gitignore" })
	if len(names) == 0 {
		b.persistent(name, "has no files in this commit")
		return false, nil
	}
	files := map[string]string{}
	for _, one := range names {
		data, err := b.commit.File(b.at, path.Join(name, one))
		if err != nil {
			return false, b.RefuseAs(b.at, err)
		}
		files[one] = string(data)
	}
	if b.in.Directories == nil {
		b.in.Directories = map[string]map[string]string{}
	}
	b.in.Directories[path.Clean(b.mount.Target)] = files
	b.checkSize(name, files)
	b.sayReadOnly(name)
	return false, nil
}

// persistent makes a persistent volume of a path that the commit doesn't hold:
// Compose makes an empty directory of it.
func (b bind) persistent(name, why string) {
	b.Warn(b.at, "%s %s; it becomes a persistent volume of %s, empty at first: a named volume has x-slipway.size", tree.Quote(b.mount.Source), why, defaultSize)
	v := b.use(b.service, "./"+name, volumeName(name), defaultSize, b.at)
	b.addMount(v, workload.Mount{Path: path.Clean(b.mount.Target), ReadOnly: b.mount.ReadOnly}, b.in)
}

// isFile reports whether a path looks like a file's.
func isFile(name string) bool {
	extension := path.Ext(name)
	return len(extension) > 1 && len(extension) <= 5 && extension != ".d"
}
