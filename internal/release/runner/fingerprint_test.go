package runner_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/scope"
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
	return a.Open(ctx, p, nil, head.Commit)
}

func (a *attempt) Open(context.Context, *v1alpha1.Project, *v1alpha1.Stage, string) (release.Snapshot, error) {
	return release.Snapshot{Repository: "main", Tree: gittest.NewTree(a.t, a.files, nil)}, nil
}

func (a *attempt) Descends(context.Context, *v1alpha1.Project, string, string) (bool, error) {
	return true, nil
}

func (a *attempt) Grant(release.Inputs, release.Snapshot, string, scope.Scope) (build.Source, error) {
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

func (a *attempt) Apply(context.Context, []byte, bool) (v1alpha1.Changes, error) {
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

func (images) Config(context.Context, string, string) (project.ImageConfig, error) {
	return project.ImageConfig{}, nil
}

func (images) Base(context.Context, string, string) (build.BaseConfig, error) {
	return build.BaseConfig{}, nil
}

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
	below := func(dir string) func(*fingerprint.Fingerprint) {
		return func(f *fingerprint.Fingerprint) {
			f.Commits[0].Reads = slices.DeleteFunc(f.Commits[0].Reads, func(r fingerprint.Read) bool { return strings.HasPrefix(r.Path, dir+"/") })
		}
	}
	for name, drop := range map[string]func(*fingerprint.Fingerprint){
		"objects": kind(fingerprint.Object), "lists": kind(fingerprint.List), "a build context": below("web"),
	} {
		t.Run(name, func(t *testing.T) {
			setFlag(t, "rapid.checks", "5000")
			setFlag(t, "rapid.nofailfile", "true")
			setFlag(t, "rapid.seed", "5") // any seed finds one, this one soon
			setFlag(t, "rapid.shrinktime", "2s")
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
