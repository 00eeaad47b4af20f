package git

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Walk calls visit for everything below a directory, directories before what
// is in them, sorted by name, symbolic links not followed. It ends with an
// error at a limit or when ctx ends; visit may return fs.SkipDir.
func (t *Tree) Walk(ctx context.Context, name string, visit func(path string, e fs.DirEntry) error) error {
	count := 0
	return fs.WalkDir(t, name, func(at string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("walk %s: %w", name, err)
		}
		if at == name {
			return nil
		}
		if count++; count > t.limits.Entries {
			return pathError("walk", at, fault.New(fault.Invalid, "more than the limit of %d files and directories; keep fewer files there", t.limits.Entries))
		}
		if err := t.checkPath(at); err != nil {
			return pathError("walk", at, err)
		}
		return visit(at, e)
	})
}

// Selection adds what an archive of a directory holds, by paths below the directory,
// from a tree that has the limits of one archive.
type Selection func(ctx context.Context, tree *Tree, add func(as string) error) error

// Tar writes a directory, or one file, as a tar archive with paths relative to
// it: what a selection adds, in its order, or everything when it is nil. Equal object
// ids give equal bytes: everything is sorted, owners and times
// are zero. Symbolic links are written as links, whatever they point to, and
// the program that unpacks must not write through them; a submodule is an empty
// directory. The limits of the Tree hold for each Tar.
func (t *Tree) Tar(ctx context.Context, w io.Writer, name string, selected Selection) error {
	// A fresh view: neither the budget nor the memory of t is used up.
	view := NewTree(t.objects, t.root, t.limits)
	e, err := view.follow("tar", name)
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	switch {
	case e.mode != filemode.Dir:
		err = view.tarFile(out, name, path.Base(name), modeOf(e.mode))
	case selected != nil:
		err = selected(ctx, view, func(as string) error { return view.tarPath(out, path.Join(name, as), as) })
	default:
		err = view.Walk(ctx, name, func(at string, e fs.DirEntry) error {
			return view.tarEntry(out, at, strings.TrimPrefix(at, name+"/"), e)
		})
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		return fmt.Errorf("tar %s: %w", name, err)
	}
	return nil
}

// tarPath writes what is at a path.
func (t *Tree) tarPath(out *tar.Writer, at, as string) error {
	e, err := t.find("tar", at)
	if err != nil {
		return err
	}
	return t.tarEntry(out, at, as, &dirEntry{tree: t, path: at, entry: e})
}

func (t *Tree) tarEntry(out *tar.Writer, at, as string, e fs.DirEntry) error {
	switch e.Type() {
	case fs.ModeDir, fs.ModeIrregular:
		return writeHeader(out, &tar.Header{Typeflag: tar.TypeDir, Name: as + "/", Mode: 0o755})
	case fs.ModeSymlink:
		to, err := t.ReadLink(at)
		if err != nil {
			return err
		}
		return writeHeader(out, &tar.Header{Typeflag: tar.TypeSymlink, Name: as, Linkname: to, Mode: 0o777})
	}
	info, err := e.Info()
	if err != nil {
		return err
	}
	return t.tarFile(out, at, as, info.Mode())
}

func (t *Tree) tarFile(out *tar.Writer, at, as string, mode fs.FileMode) error {
	data, err := t.ReadFile(at)
	if err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: as, Size: int64(len(data)), Mode: int64(mode.Perm())}
	if err := writeHeader(out, h); err != nil {
		return err
	}
	if _, err := out.Write(data); err != nil {
		return fmt.Errorf("write %s: %w", as, err)
	}
	return nil
}

func writeHeader(out *tar.Writer, h *tar.Header) error {
	h.ModTime = time.Unix(0, 0)
	if err := out.WriteHeader(h); err != nil {
		return fmt.Errorf("write header of %s: %w", h.Name, err)
	}
	return nil
}
