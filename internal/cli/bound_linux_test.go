package cli_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/cli/offline"
)

const (
	head  = "version: 1\nproject: shop\nmembers: [{user: alice, role: owner}]\nstages: [{name: dev, branch: main}, {name: live, branch: main}]\n"
	image = head + "services:\n  web: {image: \"nginx:1\"}\n"
)

// hostileInput is a directory that a command is called in.
type hostileInput struct {
	files map[string]string
	make  func(t *testing.T, dir string) // what no text can say
	args  string
	code  int
	says  string // in what it prints
}

// TestMemoryOfOfflineCommands gives the commands that work in a repository what would
// take gigabytes if it were read, expanded or unpacked first and bounded afterwards.
// Neither the command nor its render worker occupies more than offline.MaxMemory.
func TestMemoryOfOfflineCommands(t *testing.T) {
	cases := map[string]hostileInput{}
	for _, group := range []map[string]hostileInput{largeFiles(), expandingFiles(), manyFiles(), rendered(), committed()} {
		for name, one := range group {
			cases[name] = one
		}
	}
	program := built(t)
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range tt.files {
				write(t, filepath.Join(dir, file), text)
			}
			if tt.make != nil {
				tt.make(t, dir)
			}
			command := exec.Command(program, strings.Fields(tt.args)...)
			command.Dir = dir
			var printed tail
			command.Stdout, command.Stderr = &printed, &printed
			began := time.Now()
			_ = command.Run()
			if code := command.ProcessState.ExitCode(); code != tt.code || !strings.Contains(string(printed), tt.says) {
				t.Errorf("it exits with %d, want %d, and prints\n%s\nwant %q", code, tt.code, printed, tt.says)
			}
			used := command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
			t.Logf("%d MiB, %s", used>>20, time.Since(began).Round(time.Millisecond))
			if used > offline.MaxMemory {
				t.Errorf("it occupied %d MiB, more than %d", used>>20, offline.MaxMemory>>20)
			}
		})
	}
}

// built compiles the program as it is installed: the race detector would take several
// times the memory, and the time.
func built(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "slipway")
	build := exec.Command("go", "build", "-o", program, "github.com/slipway-dev/slipway/cmd/slipway")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// tail keeps the end of what is printed.
type tail []byte

func (p *tail) Write(text []byte) (int, error) {
	*p = append(*p, text...)
	*p = (*p)[max(0, len(*p)-4096):]
	return len(text), nil
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// sparse makes a file of many zeros, which takes no disk.
func sparse(t *testing.T, name string, size int64) {
	t.Helper()
	write(t, name, "")
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
}

// sparseAt returns what makes such a file.
func sparseAt(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { sparse(t, filepath.Join(dir, name), 4<<30) }
}

// largeFiles are files of gigabytes, and some without end.
func largeFiles() map[string]hostileInput {
	link := func(name, to string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	fine := map[string]string{"slipway.yaml": image}
	return map[string]hostileInput{
		"large slipway.yaml":           {nil, sparseAt("slipway.yaml"), "validate", 3, "262144"},
		"endless slipway.yaml":         {nil, link("slipway.yaml", "/dev/zero"), "validate", 1, "regular file"},
		"slipway.yaml links to itself": {nil, link("slipway.yaml", "slipway.yaml"), "explain ref main", 1, "regular file"},
		"large cluster":                {fine, sparseAt("cluster.yaml"), "render --stage dev --cluster cluster.yaml", 1, "1048576 bytes"},
		"endless cluster":              {fine, nil, "validate --cluster /dev/zero", 1, "1048576 bytes"},
		"endless project":              {fine, nil, "validate --project-object /dev/zero", 1, "1048576 bytes"},
		"large template":               {fine, sparseAt("own/a.yaml"), "validate --templates own", 1, "1048576 bytes"},
		"large Compose file":           {map[string]string{"slipway.yaml": head + "services:\n  web: {compose: {file: big.yaml}}\n"}, sparseAt("big.yaml"), "validate", 3, "2097152 bytes"},
		"large Compose file of init":   {nil, sparseAt("compose.yaml"), "init --owner alice", 1, "compose.yaml"},
		"large package.json of init":   {nil, sparseAt("package.json"), "init --owner alice", 1, "package.json"},
		"large Dockerfile of init":     {nil, sparseAt("Dockerfile"), "init --owner alice", 0, ""},
		"large values":                 {chart("kind: ConfigMap\n"), sparseAt("chart/values.yaml"), "render --stage dev", 1, "2097152 bytes"},
		"large overlay":                {map[string]string{"slipway.yaml": head + "overlay: all\nservices:\n  web: {image: \"nginx:1\"}\n"}, sparseAt("all/kustomization.yaml"), "render --stage dev", 1, "2097152 bytes"},
		"large delivery":               {nil, sparseAt("push.json"), "simulate --forge github --event push --payload push.json", 1, "more than any delivery"},
	}
}

// expandingFiles are small files that describe gigabytes.
func expandingFiles() map[string]hostileInput {
	long := "x: &x " + strings.Repeat("x", 100<<10) + "\n"
	aliases := "[" + strings.TrimSuffix(strings.Repeat("*x,", 30<<10), ",") + "]\n"
	laughs := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for level := byte('b'); level <= 'k'; level++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", level, level, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", level-1), 10), ","))
	}
	deep := "a: " + strings.Repeat("[", 100<<10)
	fine := func(name, text string) map[string]string {
		return map[string]string{"slipway.yaml": image, name: text}
	}
	compose := func(text string) map[string]string {
		return map[string]string{"slipway.yaml": head + "services:\n  web: {compose: {file: compose.yaml}}\n", "compose.yaml": text}
	}
	own := func(text string) map[string]string { return fine("own/locks.yaml", text) }
	commits := `{"ref":"refs/heads/main","commits":[` + strings.Repeat("{},", 8<<20) + `{}]}`
	all := map[string]hostileInput{
		"a delivery of eight million commits": {fine("push.json", commits), nil, "simulate --forge github --event push --payload push.json", 1, "100000 objects"},
		"a large archive":                     {chart("kind: ConfigMap\n"), archiveAt("chart/charts/other.tgz"), "render --stage dev", 1, ""},
	}
	for name, text := range map[string]string{"long text, often": long + "y: " + aliases, "laughs": laughs, "deep": deep} {
		all[name+" in slipway.yaml"] = hostileInput{map[string]string{"slipway.yaml": image + text}, nil, "validate", 3, "slipway.yaml:"}
		all[name+" in a cluster"] = hostileInput{fine("cluster.yaml", text), nil, "validate --cluster cluster.yaml", 1, "cluster.yaml holds no Cluster object"}
		all[name+" in locks"] = hostileInput{own(text), nil, "validate --templates own", 1, "locks.yaml"}
		all[name+" in a template"] = hostileInput{fine("own/a.yaml", text), nil, "validate --templates own", 1, "a.yaml"}
		all[name+" in Compose"] = hostileInput{compose("services: {a: {image: nginx}}\n" + text), nil, "validate", 3, "compose.yaml"}
		all[name+" in Compose of init"] = hostileInput{map[string]string{"compose.yaml": "services: {a: {build: .}}\n" + text}, nil, "init --owner alice", 1, "compose.yaml"}
		values := chart("kind: ConfigMap\n")
		values["chart/values.yaml"] = text
		all[name+" in values"] = hostileInput{values, nil, "render --stage dev", 1, "values.yaml"}
		all[name+" in Kustomize"] = hostileInput{map[string]string{
			"slipway.yaml": head + "services:\n  web: {kustomize: raw}\n", "raw/kustomization.yaml": "resources: [a.yaml]\n",
			"raw/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n" + text,
		}, nil, "render --stage dev", 1, "a.yaml"}
	}
	return all
}

// archiveAt returns what makes an archive of half a gigabyte of zeros.
func archiveAt(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		var packed bytes.Buffer
		zip, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
		if err != nil {
			t.Fatal(err)
		}
		archive := tar.NewWriter(zip)
		const size = 512 << 20
		if err := archive.WriteHeader(&tar.Header{Name: "other/templates/a.yaml", Mode: 0o644, Size: size}); err != nil {
			t.Fatal(err)
		}
		zeros := make([]byte, 1<<20)
		for range size / len(zeros) {
			if _, err := archive.Write(zeros); err != nil {
				t.Fatal(err)
			}
		}
		if err := archive.Close(); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), packed.String())
	}
}

// chart is a repository with a chart of one template.
func chart(template string) map[string]string {
	return map[string]string{
		"slipway.yaml": head + "services:\n  web: {helm: {chart: chart}}\n", "chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
		"chart/values.yaml": "{}\n", "chart/templates/a.yaml": template,
	}
}

// manyFiles are directories with more entries than anybody reads.
func manyFiles() map[string]hostileInput {
	fill := func(in string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, in, "a.txt"), "x")
			for i := range 20_000 { // each another name of one file
				if err := os.Link(filepath.Join(dir, in, "a.txt"), filepath.Join(dir, in, fmt.Sprintf("f%06d.yaml", i))); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	maze := func(t *testing.T, dir string) {
		for _, name := range []string{"raw/a", "raw/b"} {
			if err := os.Symlink("..", filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	kustomize := func(resource string) map[string]string {
		return map[string]string{"slipway.yaml": head + "services:\n  web: {kustomize: raw}\n", "raw/kustomization.yaml": "resources: [" + resource + "]\n"}
	}
	return map[string]hostileInput{
		"many files of templates":       {map[string]string{"slipway.yaml": image}, fill("own"), "validate --templates own", 1, "10000 entries"},
		"many files of a chart":         {chart("kind: ConfigMap\n"), fill("chart/templates"), "render --stage dev", 1, "10000 entries"},
		"many files beside the project": {map[string]string{"slipway.yaml": image}, fill("."), "validate", 0, ""},
		"a maze of links":               {kustomize("a/raw/b/raw"), maze, "render --stage dev", 1, "symbolic link"},
		"a directory that is its own":   {kustomize("../raw"), nil, "render --stage dev", 1, "raw"},
	}
}

// rendered are small charts with large manifests.
func rendered() map[string]hostileInput {
	filled := func(templates int, data string) map[string]string {
		made := chart("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
		for i := range templates {
			made[fmt.Sprintf("chart/templates/a%d.yaml", i)] = fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a%d}\ndata:\n", i) + data
		}
		return made
	}
	const fields, text = "{{ range until 20000 }}  \"{{ . }}\": \"\"\n{{ end }}", "  x: {{ repeat 1000000 \"x\" }}\n"
	return map[string]hostileInput{
		"many fields as JSON": {filled(1, fields), nil, "render --stage dev -o json", 0, ""},
		"much text":           {filled(8, text), nil, "render --stage dev", 0, ""},
		"much text, compared": {filled(6, text), nil, "diff --stage dev --stage live", 0, ""},
	}
}

// committed are repositories whose objects are hostile.
func committed() map[string]hostileInput {
	git := func(t *testing.T, dir, in string, args ...string) string {
		t.Helper()
		command := exec.Command("git", args...)
		command.Dir, command.Stdin = dir, strings.NewReader(in)
		command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	large := func(t *testing.T, dir string) {
		git(t, dir, "", "init", "-q", "-b", "main")
		sparse(t, filepath.Join(dir, "slipway.yaml"), 300<<20)
		git(t, dir, "", "-c", "core.compression=1", "add", "slipway.yaml")
		git(t, dir, "", "commit", "-q", "-m", "large")
		if err := os.Remove(filepath.Join(dir, "slipway.yaml")); err != nil {
			t.Fatal(err)
		}
	}
	packed := func(t *testing.T, dir string) {
		large(t, dir)
		git(t, dir, "", "-c", "core.compression=1", "repack", "-q", "-a", "-d")
	}
	wide := func(t *testing.T, dir string) {
		git(t, dir, "", "init", "-q", "-b", "main")
		blob := git(t, dir, "x", "hash-object", "-w", "--stdin")
		var entries strings.Builder
		for i := range 300_000 {
			fmt.Fprintf(&entries, "100644 blob %s\tf%07d\n", blob, i)
		}
		tree := git(t, dir, entries.String(), "mktree", "--missing")
		git(t, dir, "", "update-ref", "refs/heads/main", git(t, dir, "", "commit-tree", "-m", "wide", tree))
	}
	return map[string]hostileInput{
		"a large object":                 {nil, large, "validate --commit main", 1, "larger than the limit"},
		"a large packed object":          {nil, packed, "validate --commit main", 1, "larger than the limit"},
		"hundreds of thousands of files": {nil, wide, "validate --commit main", 1, "200000"},
	}
}
