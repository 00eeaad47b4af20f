package source

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
)

type entry struct {
	name string
	kind byte
	mode int64
	body string // content, or target of a link
}

func tarOf(entries ...entry) Tar {
	return func(w io.Writer) error {
		archive := tar.NewWriter(w)
		for _, e := range entries {
			header := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: e.mode, ModTime: time.Unix(1_700_000_000, 0)}
			if e.kind == tar.TypeReg {
				header.Size = int64(len(e.body))
			} else {
				header.Linkname = e.body
			}
			if err := archive.WriteHeader(header); err != nil {
				return err
			}
			if header.Size > 0 {
				if _, err := io.WriteString(archive, e.body); err != nil {
					return err
				}
			}
		}
		return archive.Close()
	}
}

func file(name, body string) entry { return entry{name, tar.TypeReg, 0o644, body} }

func TestHostileContexts(t *testing.T) {
	many := make([]entry, 30)
	for i := range many {
		many[i] = entry{"d" + strings.Repeat("x", i), tar.TypeDir, 0o755, ""}
	}
	tests := map[string]struct {
		entries []entry
		want    fault.Code
	}{
		"parent":                    {[]entry{file("../evil", "x")}, fault.Invalid},
		"parent inside":             {[]entry{file("a/../../evil", "x")}, fault.Invalid},
		"absolute":                  {[]entry{file("/evil", "x")}, fault.Invalid},
		"link out":                  {[]entry{{"l", tar.TypeSymlink, 0, "../evil"}}, fault.Invalid},
		"link out, absolute":        {[]entry{{"l", tar.TypeSymlink, 0, "/etc/passwd"}}, fault.Invalid},
		"link out, later":           {[]entry{{"a/l", tar.TypeSymlink, 0, "../../evil"}}, fault.Invalid},
		"empty link":                {[]entry{{"l", tar.TypeSymlink, 0, ""}}, fault.Invalid},
		"hard link":                 {[]entry{{"l", tar.TypeLink, 0, "/etc/passwd"}}, fault.Invalid},
		"device":                    {[]entry{{"d", tar.TypeChar, 0, ""}}, fault.Invalid},
		"pipe":                      {[]entry{{"p", tar.TypeFifo, 0, ""}}, fault.Invalid},
		"twice":                     {[]entry{file("a", "x"), file("a", "y")}, fault.Internal},
		"file where a link is":      {[]entry{{"l", tar.TypeSymlink, 0, "t"}, file("l", "x")}, fault.Internal},
		"through a link to nothing": {[]entry{{"l", tar.TypeSymlink, 0, "t"}, file("l/x", "x")}, fault.Internal},
		"too many":                  {many, fault.Invalid},
		"too deep":                  {[]entry{file(strings.Repeat("d/", 300)+"x", "x")}, fault.Invalid},
		"too large":                 {[]entry{file("a", strings.Repeat("x", 1<<20))}, fault.Invalid},
		"too large together":        {[]entry{file("a", strings.Repeat("x", 40_000)), file("b", strings.Repeat("x", 40_000))}, fault.Invalid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			dir := filepath.Join(outside, "context")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			var stream bytes.Buffer
			if err := tarOf(test.entries...)(&stream); err != nil {
				t.Fatal(err)
			}
			err = extract(&stream, root, Limits{Bytes: 64 << 10, Entries: 20})
			if fault.CodeOf(err) != test.want {
				t.Errorf("error %v has code %q, want %q", err, fault.CodeOf(err), test.want)
			}
			if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
				t.Errorf("something was written outside: %v, %v", entries, err)
			}
		})
	}
}

func TestTruncatedStreams(t *testing.T) {
	var whole bytes.Buffer
	if err := tarOf(file("a", "one"), file("b", "two"))(&whole); err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < whole.Len(); cut += 128 {
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		broken := io.MultiReader(bytes.NewReader(whole.Bytes()[:cut]), errReader{})
		if err := extract(broken, root, Limits{}.withDefaults()); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("cut at %d: %v, want unavailable", cut, err)
		}
		root.Close()
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func FuzzExtract(f *testing.F) {
	for _, entries := range [][]entry{
		{file("a", "b"), {"l", tar.TypeSymlink, 0, "a"}, {"d/", tar.TypeDir, 0, ""}},
		{file("../x", "b")}, {{"h", tar.TypeLink, 0, "a"}},
	} {
		var stream bytes.Buffer
		if err := tarOf(entries...)(&stream); err != nil {
			f.Fatal(err)
		}
		f.Add(stream.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		outside := t.TempDir()
		dir := filepath.Join(outside, "context")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		_ = extract(bytes.NewReader(data), root, Limits{Bytes: 1 << 16, Entries: 50})
		if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
			t.Errorf("something was written outside: %v, %v", entries, err)
		}
	})
}
