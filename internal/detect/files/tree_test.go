package files

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// repository returns so many files, called by their number.
func repository(n int, name func(i int) string, text string) fstest.MapFS {
	all := fstest.MapFS{}
	for i := range n {
		all[name(i)] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

// What a repository has beyond the limits is not looked at, and that is said.
func TestTreeIsBounded(t *testing.T) {
	nested := func(depth int) string { return strings.Repeat("d/", depth) + "main.go" }
	directory := func(i int) string { return fmt.Sprintf("a%d/d%d/main.go", i/100, i) }
	file := func(i int) string { return fmt.Sprintf("a%d/f%d", i/1000, i) }
	tests := map[string]struct {
		within, beyond fstest.MapFS
		says           string
	}{
		"depth": {
			repository(1, func(int) string { return nested(maxDepth) }, ""), repository(1, func(int) string { return nested(maxDepth + 1) }, ""),
			"more than 10 levels deep",
		},
		"directories": {
			repository(maxDirectories-102, directory, ""), repository(maxDirectories, directory, ""),
			"the repository is large: only its first",
		},
		"entries": {
			repository(maxEntries-102, file, ""), repository(maxEntries, file, ""),
			"the repository is large: only its first",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.within["z/z"], tt.beyond["z/z"] = &fstest.MapFile{}, &fstest.MapFile{}
			all, err := Look(tt.within)
			if err != nil || len(all.Comments()) > 0 {
				t.Errorf("within: %v, %q", err, all.Comments())
			}
			all, err = Look(tt.beyond)
			if err != nil || !strings.Contains(strings.Join(all.Comments(), "\n"), tt.says) {
				t.Errorf("beyond: %v, %q; want %q", err, all.Comments(), tt.says)
			}
		})
	}
}

// Files are read up to the limits, each and all together.
func TestTextIsBounded(t *testing.T) {
	const most = maxBytes / MaxFile
	fsys := repository(most+2, func(i int) string { return fmt.Sprintf("f%d", i) }, strings.Repeat("x", MaxFile))
	fsys["f0"] = &fstest.MapFile{Data: []byte(strings.Repeat("x", MaxFile+1))} // whose beginning is read
	all, err := Look(fsys)
	if err != nil {
		t.Fatal(err)
	}
	for i := range most {
		if text := all.Text(fmt.Sprintf("f%d", i)); len(text) != MaxFile {
			t.Fatalf("of file %d are %d bytes read", i, len(text))
		}
	}
	if text := all.Text(fmt.Sprintf("f%d", most)); text != "" || len(all.Comments()) != 1 || !strings.Contains(all.Comments()[0], "more than 64 MiB") {
		t.Errorf("beyond %d bytes more are read, %q", maxBytes, all.Comments())
	}
}
