package assemble

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
)

// streamed is a layer that is written as it is read.
type streamed struct {
	v1.Layer
	size  int64
	write func(*tar.Writer) error
}

func (s streamed) Size() (int64, error) { return s.size, nil }

func (s streamed) Compressed() (io.ReadCloser, error) {
	return pipe(func(w io.Writer) error {
		out := tar.NewWriter(w)
		if err := s.write(out); err != nil {
			return err
		}
		return out.Close()
	}), nil
}

// entries writes empty files with names of a length.
func entries(n, length int) func(*tar.Writer) error {
	return func(out *tar.Writer) error {
		for i := range n {
			if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Name: fmt.Sprintf("%0*d", length, i)}); err != nil {
				return err
			}
		}
		return nil
	}
}

// content writes a file of spaces.
func content(name string, size int64) func(*tar.Writer) error {
	return func(out *tar.Writer) error {
		if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Name: name, Size: size}); err != nil {
			return err
		}
		block := []byte(strings.Repeat(" ", 1<<20))
		for left := size; left > 0; left -= int64(len(block)) {
			if _, err := out.Write(block[:min(left, int64(len(block)))]); err != nil {
				return err
			}
		}
		return nil
	}
}

// each writes so many entries.
func each(n int, header func(i int) tar.Header) func(*tar.Writer) error {
	return func(out *tar.Writer) error {
		for i := range n {
			made := header(i)
			if err := out.WriteHeader(&made); err != nil {
				return err
			}
		}
		return nil
	}
}

// deep writes empty files below directories that are not written.
func deep(n, depth int) func(*tar.Writer) error {
	return each(n, func(i int) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprint(i) + strings.Repeat("/d", depth-1) + "/f"}
	})
}

func links(n, length int) func(*tar.Writer) error {
	return each(n, func(i int) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: fmt.Sprint(i), Linkname: strings.Repeat("x", length)}
	})
}

func attributes(n, length int) func(*tar.Writer) error {
	return each(n, func(i int) tar.Header {
		return tar.Header{Typeflag: tar.TypeDir, Name: fmt.Sprint(i) + "/", PAXRecords: map[string]string{"SCHILY.xattr.user.x": strings.Repeat("x", length)}}
	})
}

func whiteouts(n int) func(*tar.Writer) error {
	return each(n, func(i int) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprint(".wh.", i)} })
}

// A base image is looked at up to its limits, and not beyond.
func TestLargeBases(t *testing.T) {
	tests := map[string]struct {
		layer streamed
		large bool
	}{
		"as many files as there may be": {streamed{write: entries(maxBaseEntries, 6)}, false},
		"one more":                      {streamed{write: entries(maxBaseEntries+1, 6)}, true},
		"names as long as they may be":  {streamed{write: entries(maxBaseNames/200, 200)}, false},
		"longer ones":                   {streamed{write: entries(maxBaseNames/200+1, 200)}, true},
		"as compressed as it may be":    {streamed{size: maxBaseCompressed, write: entries(1, 1)}, false},
		"larger":                        {streamed{size: maxBaseCompressed + 1, write: entries(1, 1)}, true},
		"a file without end":            {streamed{write: content("x", maxBaseBytes)}, true},
		"directories left out":          {streamed{write: deep(maxBaseEntries/1000, 999)}, false},
		"more of them":                  {streamed{write: deep(maxBaseEntries/1000+1, 999)}, true},
		"targets of links":              {streamed{write: links(maxBaseNames/4096+1, 4096)}, true},
		"attributes":                    {streamed{write: attributes(maxBaseNames/100_000+1, 100_000)}, true},
		"whiteouts":                     {streamed{write: whiteouts(maxBaseEntries + 1)}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := readIndex([]v1.Layer{tt.layer})
			if large := errors.Is(err, errTooLarge); large != tt.large || err != nil && !large {
				t.Errorf("%v, want too large: %v", err, tt.large)
			}
		})
	}
	for n, large := range map[int]bool{maxLayers: false, maxLayers + 1: true} {
		if _, err := readIndex(slices.Repeat([]v1.Layer{streamed{write: entries(1, 1)}}, n)); errors.Is(err, errTooLarge) != large {
			t.Errorf("%d layers: %v", n, err)
		}
	}
	for size, known := range map[int64]bool{maxAccountBytes: true, maxAccountBytes + 1: false} {
		made, err := readIndex([]v1.Layer{streamed{write: content("etc/passwd", size)}})
		if err != nil || (len(made.passwd) > 0) != known {
			t.Errorf("accounts of %d bytes are known: %v, want %v: %v", size, !known, known, err)
		}
	}
}

// Layers of unusual forms are not guessed at.
func TestIndex(t *testing.T) {
	layer := func(headers ...tar.Header) v1.Layer {
		return streamed{write: func(out *tar.Writer) error {
			for _, header := range headers {
				if header.Typeflag == 0 {
					header.Typeflag = tar.TypeReg
				}
				if err := out.WriteHeader(&header); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	dirOf := func(name string) tar.Header {
		return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o700, Uid: 3}
	}
	linkOf := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	tests := map[string]struct {
		layers []v1.Layer
		want   map[string]kind
		err    error
	}{
		"files and directories":              {[]v1.Layer{layer(dirOf("a/"), tar.Header{Name: "a/f"}, linkOf("l", "a"))}, map[string]kind{"a": directory, "a/f": file, "l": link, "b": nothing}, nil},
		"directories left out":               {[]v1.Layer{layer(tar.Header{Name: "a/b/f"})}, map[string]kind{"a": directory, "a/b": directory, "a/b/f": file}, nil},
		"whiteouts":                          {[]v1.Layer{layer(dirOf("a/"), tar.Header{Name: "a/f"}, tar.Header{Name: "g"}), layer(tar.Header{Name: ".wh.a"}, tar.Header{Name: ".wh.g"})}, map[string]kind{"a": nothing, "a/f": nothing, "g": nothing}, nil},
		"made anew":                          {[]v1.Layer{layer(dirOf("a/"), tar.Header{Name: "a/f"}), layer(tar.Header{Name: "a/.wh..wh..opq"}, dirOf("a/"), tar.Header{Name: "a/g"})}, map[string]kind{"a": directory, "a/f": nothing, "a/g": file}, nil},
		"opaque after its files":             {[]v1.Layer{layer(tar.Header{Name: "a/f"}), layer(dirOf("a/"), tar.Header{Name: "a/g"}, tar.Header{Name: "a/.wh..wh..opq"})}, map[string]kind{"a/f": nothing, "a/g": file}, nil},
		"a file for a directory":             {[]v1.Layer{layer(dirOf("a/"), tar.Header{Name: "a/f"}), layer(tar.Header{Name: "a"})}, map[string]kind{"a": file, "a/f": nothing}, nil},
		"a link for a directory":             {[]v1.Layer{layer(dirOf("a/"), tar.Header{Name: "a/f"}), layer(linkOf("a", "b"))}, map[string]kind{"a": link, "a/f": nothing}, nil},
		"names with dots before":             {[]v1.Layer{layer(dirOf("./"), dirOf("./a/"), tar.Header{Name: "./a/f"})}, map[string]kind{"": directory, "a/f": file}, nil},
		"absolute names":                     {[]v1.Layer{layer(tar.Header{Name: "/a/f"})}, map[string]kind{"a/f": file}, nil},
		"names that lead outside":            {[]v1.Layer{layer(tar.Header{Name: "a/../../f"})}, nil, errStrange},
		"a file below a link":                {[]v1.Layer{layer(dirOf("a/"), linkOf("l", "a")), layer(tar.Header{Name: "l/f"})}, nil, errStrange},
		"a file below a file":                {[]v1.Layer{layer(tar.Header{Name: "f"}, tar.Header{Name: "f/g"})}, nil, errStrange},
		"long names":                         {[]v1.Layer{layer(tar.Header{Name: strings.Repeat("a/", 2048) + "f"})}, nil, errStrange},
		"long targets of links":              {[]v1.Layer{layer(linkOf("l", strings.Repeat("a/", 2048)+"f"))}, nil, errStrange},
		"a whiteout of no name":              {[]v1.Layer{layer(tar.Header{Name: "a/f"}), layer(tar.Header{Name: "a/.wh."})}, nil, errStrange},
		"a whiteout of what's above":         {[]v1.Layer{layer(tar.Header{Name: "a/f"}), layer(tar.Header{Name: "a/.wh..."})}, nil, errStrange},
		"whiteouts far above":                {[]v1.Layer{layer(tar.Header{Name: "a/b/c/d/f"}, tar.Header{Name: "a-/f"}), layer(tar.Header{Name: ".wh.a"})}, map[string]kind{"a/b/c/d/f": nothing, "a/b": nothing, "a": nothing, "a-/f": file}, nil},
		"a directory left out, below a link": {[]v1.Layer{layer(dirOf("a/"), linkOf("l", "a")), layer(tar.Header{Name: "l/d/f"})}, nil, errStrange},
		"a word on the archive":              {[]v1.Layer{layer(tar.Header{Typeflag: tar.TypeXGlobalHeader, Name: "g", PAXRecords: map[string]string{"comment": "x"}}, tar.Header{Name: "f"})}, map[string]kind{"g": nothing, "f": file}, nil},
		"records of another driver":          {[]v1.Layer{layer(tar.Header{Name: ".wh..wh.plnk/1.2"}, tar.Header{Name: "f"})}, map[string]kind{"f": file}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			made, err := readIndex(tt.layers)
			if !errors.Is(err, tt.err) {
				t.Fatalf("%v, want %v", err, tt.err)
			}
			for at, want := range tt.want {
				is := made.root()
				if at != "" {
					is = made.look(at)
				}
				if is.kind != want {
					t.Errorf("/%s is of kind %d, want %d", at, is.kind, want)
				}
			}
		})
	}
}

// A layer that says it needs much memory to be decompressed is not read.
func TestWindows(t *testing.T) {
	for size, large := range map[int]bool{maxWindow: false, maxWindow * 2: true} {
		var data bytes.Buffer
		compressed, err := zstd.NewWriter(&data, zstd.WithWindowSize(size))
		if err != nil {
			t.Fatal(err)
		}
		if err := content("x", maxWindow*3)(tar.NewWriter(compressed)); err != nil {
			t.Fatal(err)
		}
		if err := compressed.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := readIndex([]v1.Layer{stored{data: data.Bytes()}}); errors.Is(err, errTooLarge) != large || err != nil && !large {
			t.Errorf("a window of %d bytes: %v, want too large: %v", size, err, large)
		}
	}
}

// stored is a layer that is in memory.
type stored struct {
	v1.Layer
	data []byte
}

func (s stored) Size() (int64, error) { return int64(len(s.data)), nil }

func (s stored) Compressed() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(s.data)), nil
}
