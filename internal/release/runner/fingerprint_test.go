package runner_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git/gittest"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/fingerprint"
	"github.com/slipway-dev/slipway/internal/release/runner"
)

var changes = flag.Int("changes", 300, "random changes that are rendered both ways")

// projectFile is a project file whose three stages share overlays.
const projectFile = `version: 1
project: shop
members: [{user: alice, role: owner}]
overlay: deploy/overlays/all
stages:
  - {name: production, branch: main, overlay: deploy/overlays/production, resources: {cpu: "4"}}
  - {name: staging, branch: main, overlay: deploy/overlays/staging}
  - {name: dev, branch: main}
services:
  web:
    build: {context: web, watch: [shared], args: {LEVEL: "1"}}
    port: 8080
    env: {LOG_LEVEL: info}
    stages: {production: {scale: {min: 3}}}
`

// otherServices are services of the sources that web doesn't have.
func otherServices() []string {
	return []string{
		"  db: {template: postgres, with: {version: \"16\", storage: 5Gi}}\n",
		"  legacy: {compose: {file: compose/docker-compose.yml, services: [mailer]}}\n",
		"  search: {helm: {chart: charts/search, values: [values/all.yaml], set: {ingress: {enabled: false}}}}\n",
		"  raw: {kustomize: deploy/raw}\n",
	}
}

// repositoryFiles returns the files that random changes begin with.
func repositoryFiles(t testing.TB, services string) map[string]gittest.File {
	t.Helper()
	files := map[string]gittest.File{}
	examples := os.DirFS("../../../examples/everything")
	err := fs.WalkDir(examples, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(examples, name)
		files[name] = gittest.File{Data: string(data)}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(files, "docker-compose.yml")
	files["deploy/components/web/web.yaml"] = files["deploy/overlays/production/web.yaml"]
	for name, text := range map[string]string{
		"README.md":                                        "# shop\n",
		project.FileName:                                   projectFile + services,
		"shared/lib.txt":                                   "shared\n",
		"compose/docker-compose.yml":                       "services:\n  mailer:\n    image: registry.example/mailer:1.8\n    env_file: [{path: mailer.env, required: false}, {path: local.env, required: false}]\n    ports: [\"8025:8025\"]\n",
		"compose/mailer.env":                               "FROM=shop\n",
		"charts/search/.helmignore":                        "*.bak\n",
		"deploy/overlays/all/kustomization.yaml":           "components: [../../components/team]\n",
		"deploy/components/team/kustomization.yaml":        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {team: shop}}]\n",
		"deploy/overlays/production/kustomization.yaml":    "components: [../../components/web]\nconfigMapGenerator: [{name: settings, files: [settings.txt], envs: [settings.env]}]\n",
		"deploy/components/web/kustomization.yaml":         "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: web.yaml}]\n",
		"deploy/overlays/production/settings.txt":          "one\n",
		"deploy/overlays/production/settings.env":          "A=1\n",
		"deploy/overlays/staging/kustomization.yml":        "components: [../../components/web]\nresources: [extra]\n",
		"deploy/overlays/staging/extra/kustomization.yaml": "resources: [map.yaml]\n",
		"deploy/overlays/staging/extra/map.yaml":           "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: \"1\"}\n",
	} {
		files[name] = gittest.File{Data: text}
	}
	return files
}

// change is a random change of a repository, with a sentence about it. It leaves
// the files alone when there is nothing to change.
type change func(t *rapid.T, files map[string]gittest.File) string

func pick(t *rapid.T, label string, from []string) string {
	return rapid.SampledFrom(from).Draw(t, label)
}

func someFile(t *rapid.T, files map[string]gittest.File) string {
	return pick(t, "file", slices.Sorted(maps.Keys(files)))
}

func directories(files map[string]gittest.File) []string {
	all := map[string]bool{".": true}
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			all[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// clear removes what is at a path, so that something else can be there.
func clearPath(files map[string]gittest.File, name string) {
	maps.DeleteFunc(files, func(other string, _ gittest.File) bool {
		return other == name || strings.HasPrefix(other, name+"/") || strings.HasPrefix(name, other+"/")
	})
}

func addFile(t *rapid.T, files map[string]gittest.File) string {
	names := []string{
		"README.md", "notes.txt", "kustomization.yml", "kustomization.yaml", "Kustomization", ".helmignore", "values.yaml", "local.env", ".env", "mailer.env",
		"compose.override.yaml", ".dockerignore", "Dockerfile.dockerignore", "Dockerfile", "templates/extra.yaml", "extra/kustomization.yaml", "map.yaml", "Chart.yaml", "values.schema.json",
	}
	texts := []string{
		"\n", "# nothing\n", "A=2\n", "*\n", "templates/test.yaml\n", "resources: []\n", "{}\n",
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: added}\ndata: {a: \"1\"}\n",
	}
	name := path.Join(pick(t, "directory", directories(files)), pick(t, "name", names))
	clearPath(files, name)
	files[name] = gittest.File{Data: pick(t, "text", texts)}
	return "add " + name
}

func editFile(t *rapid.T, files map[string]gittest.File) string {
	name := someFile(t, files)
	file := files[name]
	edits := [][2]string{{"1", "2"}, {"shop", "store"}, {"info", "debug"}, {"replicas", "copies"}, {"extra", "other"}, {"yaml", "yml"}, {"mailer", "other"}}
	edit := rapid.SampledFrom(edits).Draw(t, "edit")
	if file.Data = strings.Replace(file.Data, edit[0], edit[1], 1); file.Data == files[name].Data {
		file.Data += "# changed\n"
	}
	files[name] = file
	return fmt.Sprintf("edit %s: %s to %s, or a comment", name, edit[0], edit[1])
}

func removeFile(t *rapid.T, files map[string]gittest.File) string {
	name := someFile(t, files)
	if name == project.FileName {
		return "remove nothing"
	}
	delete(files, name)
	return "remove " + name
}

func renameDirectory(t *rapid.T, files map[string]gittest.File) string {
	from := pick(t, "from", directories(files))
	to := path.Join(path.Dir(from), pick(t, "to", []string{"web", "search", "extra", "raw", "renamed", "templates", "all"}))
	if from == "." || to == from || strings.HasPrefix(to, from+"/") || strings.HasPrefix(from, to+"/") {
		return "rename nothing"
	}
	clearPath(files, to)
	for name, file := range maps.Clone(files) {
		if below, is := strings.CutPrefix(name, from+"/"); is {
			delete(files, name)
			files[path.Join(to, below)] = file
		}
	}
	return "rename " + from + " to " + to
}

func changeMode(t *rapid.T, files map[string]gittest.File) string {
	name := someFile(t, files)
	file := files[name]
	file.Mode = rapid.SampledFrom([]fs.FileMode{0, 0o111, fs.ModeSymlink, fs.ModeIrregular}).Draw(t, "mode")
	files[name] = file
	return fmt.Sprintf("make %s a file of mode %s", name, file.Mode)
}

func pointLink(t *rapid.T, files map[string]gittest.File) string {
	name := path.Join(pick(t, "directory", directories(files)), pick(t, "name", []string{"link", "values.yaml", "web.yaml", "extra", "templates"}))
	clearPath(files, name)
	files[name] = gittest.File{Mode: fs.ModeSymlink, Data: pick(t, "target", []string{"../README.md", "values.yaml", "/etc/passwd", "extra"})}
	return "link " + name + " to " + files[name].Data
}

// editProjectFile changes a setting: of all stages, of one, or none at all.
func editProjectFile(t *rapid.T, files map[string]gittest.File) string {
	edits := [][2]string{
		{"LOG_LEVEL: info", "LOG_LEVEL: debug"}, {"min: 3", "min: 4"}, {"members: [{user: alice, role: owner}]", "members: [{user: alice, role: owner}, {user: bob, role: viewer}]"},
		{"storage: 5Gi", "storage: 6Gi"}, {"overlay: deploy/overlays/all\n", ""}, {"overlay: deploy/overlays/staging", "overlay: deploy/overlays/production"},
		{"cpu: \"4\"", "cpu: \"5\""}, {"watch: [shared]", "watch: [values]"}, {"LEVEL: \"1\"", "LEVEL: \"2\""}, {"port: 8080", "port: 8081"},
		{"services: [mailer]", "services: [mailer, other]"}, {"version: 1\n", "# comment\nversion: 1\n"}, {"name: dev, branch: main", "name: dev, branch: main, protected: true"},
		{", values: [values/all.yaml]", ""}, {"template: postgres", "template: redis"}, {"  raw: {kustomize: deploy/raw}\n", ""},
	}
	edit := rapid.SampledFrom(edits).Draw(t, "setting")
	file := files[project.FileName]
	file.Data = strings.Replace(file.Data, edit[0], edit[1], 1)
	files[project.FileName] = file
	return fmt.Sprintf("%s: %q to %q", project.FileName, edit[0], edit[1])
}

func someChanges(t *rapid.T, label string, least, most int, files map[string]gittest.File) []string {
	all := []change{addFile, addFile, editFile, editFile, removeFile, renameDirectory, changeMode, pointLink, editProjectFile, editProjectFile}
	var lines []string
	for range rapid.IntRange(least, most).Draw(t, label) {
		lines = append(lines, rapid.SampledFrom(all).Draw(t, "change")(t, files))
	}
	return lines
}

// attempt is a run of the release of a repository's files.
type attempt struct {
	files map[string]gittest.File
	t     testing.TB
	stage string
	drop  func(*fingerprint.Fingerprint)

	made    string // all that the release made
	from    *fingerprint.Fingerprint
	secrets release.Secrets
}

func (a *attempt) inputs() release.Inputs {
	commit := strings.Repeat("a", 40)
	return release.Inputs{
		Organization: "acme", Project: &v1alpha1.Project{},
		Cluster: &v1alpha1.Cluster{Spec: v1alpha1.ClusterSpec{Ingress: v1alpha1.Ingress{Domain: "apps.example"}}},
		Stage:   &v1alpha1.Stage{Spec: v1alpha1.StageSpec{Project: "shop", Name: a.stage, Rule: a.stage, Ref: "refs/heads/main", Namespace: "sw-acme-shop-" + a.stage}},
		Release: &v1alpha1.Release{Spec: v1alpha1.ReleaseSpec{Sequence: 1, Head: v1alpha1.Head{Commit: commit, FileCommit: commit, Actor: "alice"}}},
		Target:  a, Claims: a,
		Builds: release.ImageBuilds{Registry: images{}, Executor: "kaniko@sha256:1", Request: build.Request{Repository: "registry.example/acme/shop", Platform: "linux/amd64"}},
	}
}

func (a *attempt) runner() *runner.Runner {
	return &runner.Runner{
		Sources: a, Renderer: renderer{}, Bundles: a,
		Policy: func(o release.Inputs) guard.Policy { return guard.Policy{Namespace: o.Stage.Spec.Namespace} },
		Now:    time.Now, Log: slog.New(slog.DiscardHandler),
	}
}

// run prepares a release. It reports whether that worked: what can't be rendered
// has no fingerprint.
func (a *attempt) run(ctx context.Context) bool {
	err := a.runner().Run(ctx, a.inputs(), a, nil)
	return err == nil && a.made != ""
}

// equal reports whether other files are taken for what the release was made from.
func (a *attempt) equal(ctx context.Context, other *attempt) (bool, error) {
	r := other.runner()
	r.Bundles = a
	return r.NewComparison().Equal(ctx, a.inputs(), &v1alpha1.Release{}, v1alpha1.Head{})
}

func (a *attempt) File(context.Context, *v1alpha1.Project, v1alpha1.Head) (*projectfile.Document, string, error) {
	document, err := projectfile.Parse(project.FileName, []byte(a.files[project.FileName].Data))
	if err != nil {
		return nil, "", fault.Wrap(fault.Invalid, err, "refused")
	}
	return document, "id", nil
}

func (a *attempt) OpenSecondary(ctx context.Context, p *v1alpha1.Project, head v1alpha1.Head, _, _ string) (release.Snapshot, error) {
	return a.Open(ctx, p, head.Commit)
}

func (a *attempt) Open(context.Context, *v1alpha1.Project, string) (release.Snapshot, error) {
	return release.Snapshot{Repository: "main", Tree: gittest.NewTree(a.t, a.files, nil)}, nil
}

func (a *attempt) Descends(context.Context, *v1alpha1.Project, string, string) (bool, error) {
	return true, nil
}

func (a *attempt) Grant(release.Inputs, release.Snapshot, string) (build.Source, error) {
	return build.Source{}, nil
}

func (a *attempt) Put(_ context.Context, _ release.Inputs, manifests []byte, from *fingerprint.Fingerprint) (string, string, error) {
	if a.from = from; a.drop != nil {
		a.drop(a.from)
	}
	a.made = string(manifests)
	return "bundle", "digest", nil
}

func (a *attempt) Get(context.Context, release.Inputs, string, string) ([]byte, error) {
	return []byte(a.made), nil
}

func (a *attempt) Fingerprint(context.Context, release.Inputs, string) (*fingerprint.Fingerprint, error) {
	return a.from, nil
}

func (a *attempt) Prepare(context.Context, bool) error { return nil }

func (a *attempt) Provide(_ context.Context, secrets release.Secrets) error {
	a.secrets = secrets
	return nil
}

func (a *attempt) Apply(context.Context, []byte) (v1alpha1.Changes, error) {
	return v1alpha1.Changes{}, nil
}
func (a *attempt) Restart(context.Context, []byte, []string, string) error { return nil }
func (a *attempt) Verify(context.Context, map[string]time.Duration, func([]v1alpha1.ServiceStatus)) error {
	return nil
}
func (a *attempt) Prune(context.Context) (int32, error)                    { return 0, nil }
func (a *attempt) Claim(context.Context, []string) ([]string, error)       { return nil, nil }
func (a *attempt) Write(context.Context, v1alpha1.ReleaseStatus) error     { return nil }
func (a *attempt) Observe(context.Context, []v1alpha1.ServiceStatus) error { return nil }

// images is a registry that has every image, with a digest made of its name: the
// images in manifests differ when what they are built from does.
type images struct{}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (images) Exists(_ context.Context, repository, hash string) (string, bool, error) {
	return repository + "@" + digestOf(hash), true, nil
}

func (images) Resolve(_ context.Context, ref string) (string, error) { return digestOf(ref), nil }

func (images) ResolveBases(_ context.Context, _ *build.Dockerfile, bases []build.Base) (map[string]string, error) {
	digests := map[string]string{}
	for _, base := range bases {
		digests[fmt.Sprint(base)] = digestOf(fmt.Sprint(base))
	}
	return digests, nil
}

// tally counts what a property came upon.
type tally struct {
	equal, changed, cautious, refused int
	begun                             map[string]*attempt // without changes before, by stage and service
}

// run runs an attempt; one that many examples begin with runs once.
func (c *tally) run(ctx context.Context, a *attempt, begin string) bool {
	if known := c.begun[begin]; known != nil && begin != "" {
		*a = *known
		return true
	}
	if !a.run(ctx) || a.from == nil {
		return false
	}
	if begin != "" {
		c.begun[begin] = a
	}
	return true
}

// equalMeansEqual changes a repository at random: whenever the fingerprint of the
// release before says that nothing changed, the release after must make the same
// manifests, images and Secrets.
func equalMeansEqual(t *rapid.T, tb testing.TB, drop func(*fingerprint.Fingerprint), count *tally) {
	ctx := tb.Context()
	service := pick(t, "service", otherServices())
	before := &attempt{t: tb, files: repositoryFiles(tb, service), drop: drop}
	changed := someChanges(t, "changes before", 0, 1, before.files)
	after := &attempt{t: tb, files: maps.Clone(before.files)}
	lines := someChanges(t, "changes", 1, 2, after.files)
	before.stage = pick(t, "stage", []string{"production", "staging", "dev"})
	after.stage = before.stage
	begin := ""
	if len(changed) == 0 {
		begin = before.stage + service
	}
	if !count.run(ctx, before, begin) {
		count.refused++
		return
	}
	equal, err := before.equal(ctx, after)
	rendered := (equal || rapid.IntRange(0, 9).Draw(t, "render what changed") == 0) && after.run(ctx)
	same := rendered && before.made == after.made && fmt.Sprint(before.secrets) == fmt.Sprint(after.secrets)
	switch {
	case equal && err == nil && !same:
		t.Fatalf("stage %s is taken for unchanged after:\n%s", before.stage, strings.Join(lines, "\n"))
	case equal:
		count.equal++
	case same:
		count.cautious++
	default:
		count.changed++
	}
}

// setFlag sets a flag of rapid for one test.
func setFlag(t *testing.T, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(name, before); err != nil {
			t.Error(err)
		}
	})
}

func TestEqualFingerprintsMeanEqualManifests(t *testing.T) {
	setFlag(t, "rapid.checks", fmt.Sprint(*changes))
	count := tally{begun: map[string]*attempt{}}
	rapid.Check(t, func(rt *rapid.T) { equalMeansEqual(rt, t, nil, &count) })
	t.Logf("%d equal, %d changed, %d taken for changed, %d refused", count.equal, count.changed, count.cautious, count.refused)
	if all := *changes; count.equal < all/10 || count.changed < all/10 || count.refused > all/2 {
		t.Errorf("too few of one kind of %d changes prove little", all)
	}
}

// probe is a test that may fail without failing the one around it.
type probe struct {
	rapid.TB
	failed bool
	lines  []string
}

var errStopped = errors.New("stopped")

func (p *probe) Fail()        { p.failed = true }
func (p *probe) Failed() bool { return p.failed }
func (p *probe) FailNow()     { p.failed = true; panic(errStopped) }
func (p *probe) Logf(format string, args ...any) {
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
}
func (p *probe) Errorf(format string, args ...any) { p.Logf(format, args...); p.Fail() }
func (p *probe) Fatalf(format string, args ...any) { p.Logf(format, args...); p.FailNow() }

// The property fails when a fingerprint leaves anything out.
func TestIncompleteFingerprintIsFound(t *testing.T) {
	kind := func(k fingerprint.Kind) func(*fingerprint.Fingerprint) {
		return func(f *fingerprint.Fingerprint) {
			for i := range f.Commits {
				f.Commits[i].Reads = slices.DeleteFunc(f.Commits[i].Reads, func(r fingerprint.Read) bool { return r.Kind == k })
			}
		}
	}
	at := func(name string) func(*fingerprint.Fingerprint) {
		return func(f *fingerprint.Fingerprint) {
			f.Commits[0].Reads = slices.DeleteFunc(f.Commits[0].Reads, func(r fingerprint.Read) bool { return r.Path == name })
		}
	}
	for name, drop := range map[string]func(*fingerprint.Fingerprint){
		"objects": kind(fingerprint.Object), "lists": kind(fingerprint.List), "a build context": at("web"),
	} {
		t.Run(name, func(t *testing.T) {
			setFlag(t, "rapid.checks", "5000")
			setFlag(t, "rapid.nofailfile", "true")
			setFlag(t, "rapid.shrinktime", "4s")
			p := &probe{TB: t}
			func() {
				defer func() {
					if caught := recover(); caught != nil && caught != any(errStopped) {
						panic(caught)
					}
				}()
				rapid.Check(p, func(rt *rapid.T) { equalMeansEqual(rt, t, drop, &tally{begun: map[string]*attempt{}}) })
			}()
			if !p.failed {
				t.Fatal("no counterexample was found")
			}
			t.Log(strings.Join(p.lines, "\n"))
		})
	}
}
