package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
)

// goldensOf returns a digest of all manifests that tests compare renders with.
func goldensOf(t *testing.T) string {
	t.Helper()
	root := os.DirFS("../..")
	hash := sha256.New()
	files := 0
	for _, folder := range []string{"internal/render", "examples/testdata"} {
		err := fs.WalkDir(root, folder, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.Contains(name, "testdata/") || path.Ext(name) != ".yaml" {
				return err
			}
			data, err := fs.ReadFile(root, name)
			fmt.Fprintf(hash, "%s %d\n%s", name, len(data), data)
			files++
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 20 {
		t.Fatalf("found only %d goldens", files)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// Version is raised with the goldens: otherwise stages would keep what an earlier
// version rendered of the same files.
func TestVersionIsRaisedWithGoldens(t *testing.T) {
	const file = "testdata/version.json"
	type record struct{ Version, Goldens string }
	now := record{Version, goldensOf(t)}
	var last record
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &last)
	}
	if err != nil {
		t.Fatal(err)
	}
	if now == last {
		return
	}
	if now.Version == last.Version {
		t.Fatalf("goldens changed: raise Version in render.go if anything is rendered differently than before, or set the digest in %s to %s if they are only new", file, now.Goldens)
	}
	if flag.Lookup("update").Value.String() != "true" {
		t.Fatalf("Version is %s, and %s is about %s; run the tests with -update", now.Version, file, last.Version)
	}
	if data, err = json.MarshalIndent(now, "", "  "); err == nil {
		err = os.WriteFile(file, append(data, '\n'), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
