package git_test

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// An entry is looked up without reading a file, and without following anything.
func TestEntry(t *testing.T) {
	read := 0
	tree := gittest.NewTree(t, map[string]gittest.File{
		"a/b.txt": {Data: "b"}, "run": {Mode: 0o111, Data: "b"}, "link": {Mode: fs.ModeSymlink, Data: "a"}, "module": {Mode: fs.ModeIrregular, Data: "m"},
	}, &read)
	tests := map[string]struct {
		path string
		mode fs.FileMode
		runs bool   // a file that is executable
		same string // another path with the same object
		err  error
	}{
		"root":           {path: ".", mode: fs.ModeDir},
		"directory":      {path: "a", mode: fs.ModeDir},
		"file":           {path: "a/b.txt", same: "run"},
		"link":           {path: "link", mode: fs.ModeSymlink},
		"behind a link":  {path: "link/b.txt", mode: fs.ModeSymlink, same: "link"},
		"in a submodule": {path: "module/x", mode: fs.ModeIrregular, same: "module"},
		"executable":     {path: "run", runs: true, same: "a/b.txt"},
		"below a file":   {path: "run/x", runs: true, same: "run"},
		"missing":        {path: "a/c.txt", err: fs.ErrNotExist},
		"outside":        {path: "../x", err: fs.ErrInvalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			mode, id, err := tree.Entry(tt.path)
			if !errors.Is(err, tt.err) || mode.Type() != tt.mode || mode.IsRegular() && err == nil && mode.Perm()&0o100 != 0 != tt.runs {
				t.Fatalf("%s, %v; want %s, %v", mode, err, tt.mode, tt.err)
			}
			if _, same, _ := tree.Entry(tt.same); tt.same != "" && id != same {
				t.Errorf("it is %s, not %s as %s", id, same, tt.same)
			}
		})
	}
	if read != 0 {
		t.Errorf("%d files were read", read)
	}
}
