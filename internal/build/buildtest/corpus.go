package buildtest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// Case is a Dockerfile with the image that the reference of Dockerfiles says it makes.
type Case struct {
	Dockerfile string
	// Name of the Dockerfile, empty for Dockerfile.
	Name string
	// Files are those of the context besides the Dockerfile.
	Files  map[string]gittest.File
	Args   map[string]string
	Target string
	// Want are the files that differ from the base image's, as List describes them.
	Want map[string]string
	// Config changes the base image's configuration to what is wanted; nil leaves it.
	Config func(*v1.Config)
	// Runs says why it can't be assembled; empty when it can. Part of what is said.
	Runs string
}

// From returns the base image that a case's image is compared with: a name of
// BaseNames, or scratch.
func (c Case) From() string {
	from := ""
	for line := range strings.Lines(c.Dockerfile) {
		if rest, is := strings.CutPrefix(line, "FROM "); is {
			from = strings.Fields(rest)[0]
		}
	}
	if from != "PROGRAM" && from != "scratch" {
		return "BASE"
	}
	return from
}

// With returns a case with references in place of the names of base images.
func (c Case) With(refs map[string]string) Case {
	var pairs []string
	for name, ref := range refs {
		pairs = append(pairs, name, ref)
	}
	replacer := strings.NewReplacer(pairs...)
	c.Dockerfile = replacer.Replace(c.Dockerfile)
	c.Want = maps.Clone(c.Want)
	for name, is := range c.Want {
		c.Want[name] = replacer.Replace(is)
	}
	return c
}

// Tree returns the case's context with its Dockerfile, whose path is returned, too.
func (c Case) Tree(t testing.TB) (tree *git.Tree, dockerfile string) {
	t.Helper()
	dockerfile = cmp.Or(c.Name, "Dockerfile")
	all := map[string]gittest.File{dockerfile: {Data: c.Dockerfile}}
	maps.Copy(all, c.Files)
	return gittest.NewTree(t, all, nil), dockerfile
}

// Base makes a base image that cases name: BASE, PROGRAM or TRIGGERS; or scratch.
func Base(t testing.TB, name string) v1.Image {
	t.Helper()
	if name == "scratch" {
		return empty.Image
	}
	lower := layerOf(t, []tar.Header{
		{Name: "etc/", Mode: 0o755}, {Name: "etc/passwd", Mode: 0o644}, {Name: "etc/group", Mode: 0o644}, {Name: "old/", Mode: 0o755}, {Name: "old/file", Mode: 0o644},
		{Name: "tmp/", Mode: 0o1777}, {Name: "usr/", Mode: 0o755}, {Name: "usr/bin/", Mode: 0o755}, {Name: "usr/bin/tool", Mode: 0o755},
		{Name: "bin", Linkname: "usr/bin"}, {Name: "srv/", Mode: 0o755}, {Name: "srv/data/", Mode: 0o750, Uid: 1000, Gid: 1000}, {Name: "srv/data/keep", Mode: 0o600, Uid: 1000, Gid: 1000},
	}, map[string]string{
		"etc/passwd":    "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/:\nodd:x:1001:2000::/:\n",
		"etc/group":     "root:x:0:\nstaff:x:50:\napp:x:1000:\n",
		"usr/bin/tool":  "tool",
		"srv/data/keep": "kept",
	})
	upper := layerOf(t, []tar.Header{
		{Name: ".wh.old", Mode: 0o644}, {Name: "run/", Mode: 0o755}, {Name: "var/", Mode: 0o755}, {Name: "var/run", Linkname: "/run"}, {Name: "opt/", Mode: 0o755}, {Name: "opt/app/", Mode: 0o700, Uid: 5, Gid: 6},
		{Name: "loop", Linkname: "loop"},
	}, nil)
	image, err := mutate.AppendLayers(empty.Image, lower, upper)
	if err != nil {
		t.Fatal(err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", "amd64"
	file.Config = BaseConfig(name)
	if image, err = mutate.ConfigFile(image, file); err != nil {
		t.Fatal(err)
	}
	return image
}

// BaseConfig returns what the configuration of a base image says.
func BaseConfig(name string) v1.Config {
	config := v1.Config{Env: []string{"PATH=/usr/bin", "LANG=C"}, Cmd: []string{"tool"}, Labels: map[string]string{"of": "base"}}
	switch name {
	case "scratch":
		return v1.Config{}
	case "PROGRAM":
		config.Entrypoint, config.User, config.WorkingDir = []string{"/usr/bin/tool"}, "app", "/srv"
		config.ExposedPorts = map[string]struct{}{"80/tcp": {}}
	case "TRIGGERS":
		config.OnBuild = []string{"COPY . /srv"}
	}
	return config
}

// BaseNames returns the names of the base images.
func BaseNames() []string { return []string{"BASE", "PROGRAM", "TRIGGERS"} }

// layerOf makes a layer: directories end with a slash, links have a target.
func layerOf(t testing.TB, headers []tar.Header, content map[string]string) v1.Layer {
	t.Helper()
	var data bytes.Buffer
	out := tar.NewWriter(&data)
	for _, header := range headers {
		header.ModTime = time.Unix(1_600_000_000, 0)
		switch {
		case strings.HasSuffix(header.Name, "/"):
			header.Typeflag = tar.TypeDir
		case header.Linkname != "":
			header.Typeflag, header.Mode = tar.TypeSymlink, 0o777
		default:
			header.Typeflag, header.Size = tar.TypeReg, int64(len(content[header.Name]))
		}
		if err := out.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(out, content[header.Name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// List describes an image's files by path: "d 755 0:0", "l 0:0 target", or
// "f 644 0:0 content".
func List(t testing.TB, image v1.Image) map[string]string {
	t.Helper()
	stream := mutate.Extract(image)
	defer stream.Close()
	files := map[string]string{}
	archive := tar.NewReader(stream)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		switch header.Typeflag {
		case tar.TypeDir:
			files[name] = fmt.Sprintf("d %o %d:%d", header.Mode&0o7777, header.Uid, header.Gid)
		case tar.TypeSymlink:
			files[name] = fmt.Sprintf("l %d:%d %s", header.Uid, header.Gid, header.Linkname)
		default:
			data, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = fmt.Sprintf("f %o %d:%d %s", header.Mode&0o7777, header.Uid, header.Gid, data)
		}
	}
}

// Changes returns the files of an image that differ from those of its base image; what
// is gone is described as "gone".
func Changes(base, image map[string]string) map[string]string {
	changed := map[string]string{}
	for name, is := range image {
		if base[name] != is {
			changed[name] = is
		}
	}
	for name := range base {
		if _, still := image[name]; !still {
			changed[name] = "gone"
		}
	}
	return changed
}
