package seed

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChooseMirror(t *testing.T) {
	standard := defaultMirror()
	for name, test := range map[string]struct {
		targets string
		want    mirror
	}{
		"none": {"", standard},
		"debian's own": {
			"Debian|http://deb.debian.org/debian-security/\nDebian|http://deb.debian.org/debian/\n", standard,
		},
		"first wins, others' archives don't": {
			"Node Source|https://deb.example/debian\nDebian|https://near.example/debian/\nDebian|http://far.example/debian/\n",
			mirror{main: "https://near.example/debian", security: standard.security},
		},
		"lists never fetched": {"|http://near.example/pub/debian/\n", mirror{main: "http://near.example/pub/debian", security: standard.security}},
		"what a container can't reach": {
			"Debian|file:/srv/debian\nDebian|cdrom://disc/debian\nDebian|mirror+file:/etc/apt/debian\nnonsense\n|::/debian\n", standard,
		},
		"password": {"Debian|https://user:secret@near.example/debian\n", standard},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, chooseMirror(test.targets), cmp.AllowUnexported(mirror{})); diff != "" {
				t.Errorf("mirror (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNetworkSettings(t *testing.T) {
	dump := `Acquire "";
Acquire::http::Proxy "http://proxy.example:3142";
Acquire::Check-Valid-Until "false";
Acquire::https::CaInfo "/etc/own.crt";
Acquire::IndexTargets::deb::DEP-11 "";
Acquire::Languages:: "none";
Acquire::http::Proxy-Auto-Detect "/usr/bin/detect";
`
	want := "Acquire::http::Proxy \"http://proxy.example:3142\";\nAcquire::Check-Valid-Until \"false\";\n"
	if diff := cmp.Diff(want, networkSettings(dump)); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

// checkout is a machine whose checkout holds a program of one file.
func checkout(t *testing.T) (m machine, program string) {
	t.Helper()
	m = machine{source: filepath.Join(t.TempDir(), "cmd", "devcluster")}
	program = filepath.Join(m.source, "components", "pause")
	must(t, os.MkdirAll(program, 0o755), os.WriteFile(filepath.Join(program, "main.go"), []byte("package main\n"), 0o644))
	return m, program
}

func TestProgramInputsFollowTheSources(t *testing.T) {
	m, program := checkout(t)
	write := func(name, content string) func() error {
		return func() error { return os.WriteFile(filepath.Join(program, name), []byte(content), 0o644) }
	}
	before, err := m.programInputs(t.Context(), program)
	must(t, err)
	for _, step := range []struct {
		name    string
		change  func() error
		changes bool
	}{
		{"a test", write("main_test.go", "package main\n"), false},
		{"a note", write("README.md", "x"), false},
		{"its source", write("main.go", "package main // changed\n"), true},
		{"its modules", write("go.sum", "x"), true},
	} {
		t.Run(step.name, func(t *testing.T) {
			must(t, step.change())
			after, err := m.programInputs(t.Context(), program)
			must(t, err)
			if slices.Equal(before, after) == step.changes {
				t.Errorf("inputs before %v, after %v", before, after)
			}
			before = after
		})
	}
	if _, err := m.programInputs(t.Context(), filepath.Join(m.source, "nowhere")); err == nil {
		t.Error("a missing folder has inputs")
	}
}

func TestCatalogue(t *testing.T) {
	m, _ := checkout(t)
	seeder := &Seeder{machine: m, report: quiet{}}
	seen := map[string]string{}
	for _, recipe := range m.recipes() {
		for _, ref := range recipe.refs {
			if other, taken := seen[ref]; taken {
				t.Errorf("%s is both %s and %s", ref, recipe.name, other)
			}
			seen[ref] = recipe.name
			short := strings.TrimPrefix(ref, "library/")
			repository, _, _ := strings.Cut(short, ":")
			for _, name := range []string{ref, short, repository} {
				if found, err := seeder.find(name); err != nil || found.name != recipe.name {
					t.Errorf("find %s: got %s, %v; want %s", name, found.name, err, recipe.name)
				}
			}
		}
	}
	for _, wanted := range []string{
		"library/busybox:1.36", "library/debian:bookworm-slim", "library/golang:1.26", "library/redis:7", "library/redis:7.4", "library/postgres:15", "pause:1",
		"library/nginx:1.28", "library/mariadb:10.11", "library/node:24-slim", "library/python:3.13-slim",
	} {
		if seen[wanted] == "" {
			t.Errorf("%s is not seeded", wanted)
		}
	}
	if _, err := seeder.find("mysql"); err == nil || !strings.Contains(err.Error(), "busybox:1.36") {
		t.Errorf("find mysql: got %v, want what there is", err)
	}
}

func TestInLayer(t *testing.T) {
	for path, want := range map[string]bool{
		"dev": true, "dev/null": false, "run": true, "run/lock": false, "tmp": true, "tmp/x": false,
		"var/lib/apt/lists": true, "var/lib/apt/lists/partial": true, "var/lib/apt/lists/deb.debian.org_x": false,
		"var/cache/apt/archives": true, "var/cache/apt/pkgcache.bin": false, "var/log/dpkg.log": false,
		"etc/resolv.conf": false, "etc/hosts": false, "etc/passwd": true, "usr/bin/apt": true, "development": true,
	} {
		if got := inLayer(path); got != want {
			t.Errorf("inLayer(%q) = %t", path, got)
		}
	}
}

func TestInGoroot(t *testing.T) {
	for path, want := range map[string]bool{
		".": true, "bin/go": true, "src/fmt/print.go": true, "src/fmt/fmt_test.go": false, "src/go/doc/testdata": false,
		"src/testing/testing.go": true, "test": false, "api": false, "pkg/tool/linux_amd64/compile": true, "VERSION": true,
	} {
		if got := inGoroot(path); got != want {
			t.Errorf("inGoroot(%q) = %t", path, got)
		}
	}
}

func TestInstallationInputs(t *testing.T) {
	reference := installation{packages: []string{"a"}, before: "b", after: "c", files: map[string]string{"/f": "x"}, folders: map[string]int64{"/d": 0o755}}
	for name, other := range map[string]installation{
		"package": {packages: []string{"z"}, before: "b", after: "c", files: reference.files, folders: reference.folders},
		"before":  {packages: []string{"a"}, before: "z", after: "c", files: reference.files, folders: reference.folders},
		"after":   {packages: []string{"a"}, before: "b", after: "z", files: reference.files, folders: reference.folders},
		"file":    {packages: []string{"a"}, before: "b", after: "c", files: map[string]string{"/f": "z"}, folders: reference.folders},
		"mode":    {packages: []string{"a"}, before: "b", after: "c", files: reference.files, folders: map[string]int64{"/d": 0o700}},
	} {
		t.Run(name, func(t *testing.T) {
			if slices.Equal(reference.inputs(), other.inputs()) {
				t.Error("the inputs are equal")
			}
		})
	}
}
