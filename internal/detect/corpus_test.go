package detect_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/detect"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render"
)

var update = flag.Bool("update", false, "write the goldens")

// want begins the paths of the goldens in an archive.
const want = "want/"

// inProcess renders in this process.
type inProcess struct{}

func (inProcess) Render(ctx context.Context, files fs.FS, request render.Request) (render.Result, error) {
	collected, err := render.Collect(ctx, files, request, render.DefaultLimits())
	if err != nil {
		return render.Result{}, err
	}
	return render.Render(ctx, request, collected)
}

func checker(t testing.TB) detect.Checker {
	t.Helper()
	made, err := offline.NewChecker(&offline.Rendering{}, inProcess{})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// situation is one archive of testdata: its comment says what it is about, and
// may say "from: KIND" and "project: NAME". Its files are the repository and,
// below want/, what is made of it.
type situation struct {
	path  string
	about detect.About
	files fstest.MapFS
	want  map[string]string
}

func situations(t testing.TB) map[string]situation {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 50 {
		t.Fatalf("%d situations, %v", len(paths), err)
	}
	all := map[string]situation{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := situation{path: path, files: fstest.MapFS{}, want: map[string]string{}}
		s.about = detect.About{Name: "shop", Owner: "alice", OwnerFrom: "login at the forge"}
		for line := range strings.Lines(string(archive.Comment)) {
			if value, is := strings.CutPrefix(line, "from: "); is {
				s.about.From = strings.TrimSpace(value)
			}
			if value, is := strings.CutPrefix(line, "project: "); is {
				s.about.Name = strings.TrimSpace(value)
			}
		}
		for _, file := range archive.Files {
			if name, is := strings.CutPrefix(file.Name, want); is {
				s.want[name] = string(file.Data)
				continue
			}
			s.files[file.Name] = &fstest.MapFile{Data: file.Data}
		}
		all[strings.TrimSuffix(filepath.Base(path), ".txtar")] = s
	}
	return all
}

// made is what a person sees of a situation: the files, and the summary.
func made(t testing.TB, s situation) map[string]string {
	t.Helper()
	start, err := detect.Make(t.Context(), s.files, s.about, checker(t))
	if err != nil {
		return map[string]string{"error": fault.MessageOf(err) + "\n"}
	}
	all := map[string]string{"summary": summary(start)}
	for name, data := range start.Files {
		if filepath.Base(name) != ".dockerignore" {
			all[name] = string(data)
		}
	}
	return all
}

func summary(start detect.Start) string {
	var b strings.Builder
	for _, text := range start.Seen {
		fmt.Fprintln(&b, "found: "+text)
	}
	for _, service := range start.Services {
		fmt.Fprintln(&b, "service "+service.Name+": from "+service.Why)
	}
	for _, left := range start.Left {
		fmt.Fprintln(&b, "left out: "+left.Where+": "+left.Reason)
	}
	for _, hint := range start.Hints {
		fmt.Fprintln(&b, "note: "+hint)
	}
	for _, text := range start.Next {
		fmt.Fprintln(&b, "next: "+text)
	}
	return b.String()
}

// TestSituations makes what is missing for repositories of all kinds.
func TestSituations(t *testing.T) {
	for name, s := range situations(t) {
		t.Run(name, func(t *testing.T) {
			got := made(t, s)
			if *update {
				s.write(t, got)
				return
			}
			if diff := cmp.Diff(s.want, got); diff != "" {
				t.Errorf("what is made (-want +got):\n%s", diff)
			}
		})
	}
}

// write replaces the goldens of an archive.
func (s situation) write(t *testing.T, got map[string]string) {
	t.Helper()
	archive, err := txtar.ParseFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, want) })
	var names []string
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		archive.Files = append(archive.Files, txtar.File{Name: want + name, Data: []byte(got[name])})
	}
	if err := os.WriteFile(s.path, txtar.Format(archive), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDockerfilesHoldTogether reads every Dockerfile that is made as the builder
// does: it parses, every base names a version, every file that is copied is in
// the repository, and nothing runs as root.
func TestDockerfilesHoldTogether(t *testing.T) {
	seen := 0
	for name, s := range situations(t) {
		start, err := detect.Make(t.Context(), s.files, s.about, checker(t))
		if err != nil {
			continue
		}
		for _, service := range start.Services {
			for path, text := range service.Files {
				if filepath.Base(path) != "Dockerfile" {
					continue
				}
				seen++
				t.Run(name+"/"+path, func(t *testing.T) { holdsTogether(t, path, text, service.Spec.Build.Context, s.files) })
			}
		}
	}
	if seen < 25 {
		t.Errorf("only %d Dockerfiles were made", seen)
	}
}

func holdsTogether(t *testing.T, path string, text []byte, context string, repository fs.FS) {
	t.Helper()
	parsed, err := build.ParseDockerfile(path, text)
	if err != nil {
		t.Fatal(err)
	}
	args, err := build.PlatformArgs(nil, "linux/amd64")
	if err != nil {
		t.Fatal(err)
	}
	bases, err := parsed.Bases(args, "")
	if err != nil || len(bases) == 0 {
		t.Errorf("bases %v, %v", bases, err)
	}
	for _, base := range bases {
		if !strings.Contains(filepath.Base(base.Ref), ":") || strings.HasSuffix(base.Ref, ":latest") {
			t.Errorf("%s names no version", base.Ref)
		}
	}
	user := ""
	for _, instruction := range parsed.Instructions() {
		words := strings.Fields(instruction.Text)
		switch strings.ToUpper(words[0]) {
		case "USER":
			user = words[1]
		case "COPY":
			copies(t, words[1:], context, repository)
		}
	}
	if user == "" || strings.HasPrefix(user, "0") || strings.HasPrefix(user, "root") {
		t.Errorf("the image runs as %q\n%s", user, text)
	}
}

func copies(t *testing.T, words []string, context string, repository fs.FS) {
	t.Helper()
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return strings.HasPrefix(w, "--chown") })
	if strings.HasPrefix(words[0], "--from") {
		return
	}
	for _, name := range words[:len(words)-1] {
		if _, err := fs.Stat(repository, filepath.Join(context, name)); err != nil && !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("COPY %v: %v", words, err)
		}
	}
}

// TestNoPasswordIsCopied looks for the secrets of all situations in all that is
// made.
func TestNoPasswordIsCopied(t *testing.T) {
	for name, s := range situations(t) {
		for path, text := range made(t, s) {
			for _, secret := range []string{"hunter2", "0123456789", "u:pw@", "API_TOKEN: abc", "DB_PASSWORD: x", "POSTGRES_PASSWORD: p"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s: %s holds %q:\n%s", name, path, secret, text)
				}
			}
		}
	}
}

// So many programs become services, and the others are named.
func TestManyPrograms(t *testing.T) {
	const most = 20
	for _, n := range []int{most, most + 1} {
		fsys := fstest.MapFS{}
		for i := range n {
			fsys[fmt.Sprintf("p%02d/Dockerfile", i)] = &fstest.MapFile{Data: []byte("FROM scratch\nCOPY a /\nEXPOSE 80\n")}
			fsys[fmt.Sprintf("p%02d/a", i)] = &fstest.MapFile{}
		}
		start, err := detect.Make(t.Context(), fsys, detect.About{Name: "shop", Branch: "main", Owner: "alice", OwnerFrom: "git"}, allowAll{})
		if err != nil {
			t.Fatal(err)
		}
		document, err := projectfile.Parse(project.FileName, start.Files[project.FileName])
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Contains(strings.Join(start.Hints, "\n"), "more programs than the 20")
		if got := len(document.File.Services); got != most || said != (n > most) {
			t.Errorf("of %d programs are %d services made; it is said: %t", n, got, said)
		}
	}
}

// FuzzMake feeds hostile files: what is made must parse, or the error must
// blame the repository, not the program.
func FuzzMake(f *testing.F) {
	f.Add("compose.yaml", "services: {a: {build: ., ports: [80]}, b: {image: x}}", "shop", "remote")
	f.Add("package.json", `{"main": "server.js", "scripts": {"start": "node x"}}`, "9", "two\nlines")
	f.Add("go.mod", "module x\ngo 1.99", "", "")
	f.Add("requirements.txt", "flask", "ä", "# true")
	f.Add("Dockerfile", "FROM a\nUSER \"x\nEXPOSE 80", "y", "")
	f.Add("render.yaml", "services: [{type: web, name: a, envVars: [{key: A, value: b}]}]", "y", "")
	f.Fuzz(func(t *testing.T, file, text, name, from string) {
		fsys := fstest.MapFS{}
		for path, content := range map[string]string{"main.go": "package main", "app.py": "", "server.js": "", file: text} {
			fsys[path] = &fstest.MapFile{Data: []byte(content)}
		}
		about := detect.About{Name: name, Branch: "main", Owner: "alice", OwnerFrom: from}
		switch file {
		case "render.yaml", "app.json", "Procfile":
			about.From = file
		case "compose.yaml", "package.json", "go.mod", "requirements.txt", "pyproject.toml", "Dockerfile", "composer.json", "pom.xml", "Cargo.toml", "Gemfile", "Chart.yaml", "kustomization.yaml":
		default:
			return // a name that nothing looks at
		}
		start, err := detect.Make(t.Context(), fsys, about, allowAll{})
		if err != nil {
			if code := fault.CodeOf(err); code != fault.NotFound && code != fault.Invalid || strings.Contains(err.Error(), "slipway.yaml made for") {
				t.Fatalf("code %s: %v", code, err)
			}
			return
		}
		if _, err := projectfile.Parse(project.FileName, start.Files[project.FileName]); err != nil {
			t.Fatal(err)
		}
	})
}

// allowAll refuses nothing.
type allowAll struct{}

func (allowAll) Check(context.Context, fs.FS, *projectfile.Document) ([]string, error) {
	return nil, nil
}
