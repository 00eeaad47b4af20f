package runner_test

import (
	"cmp"
	"context"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build/assemble"
)

// assembling runs a release of a fixture whose images may be assembled.
func (f *fixture) assembling(t *testing.T) v1alpha1.ReleaseService {
	t.Helper()
	f.status = v1alpha1.ReleaseStatus{}
	inputs := f.inputs("alice")
	inputs.Builds.Executor = cmp.Or(f.executor, inputs.Builds.Executor)
	assembler := assemble.New(assemble.Options{})
	inputs.Builds.Assemble = func(ctx context.Context, order assemble.Order) (string, error) {
		return assembler.Assemble(ctx, f.registry, order)
	}
	if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
		t.Fatal(err)
	}
	for _, s := range f.status.Services {
		if s.Name == "web" && f.status.Phase == v1alpha1.PhaseSucceeded {
			return s
		}
	}
	t.Fatalf("%s: %s", f.status.Phase, f.status.Message)
	return v1alpha1.ReleaseService{}
}

func TestImagesThatNeedNoExecutionAreAssembled(t *testing.T) {
	f := newFixture(t)
	f.more = map[string]string{"web/Dockerfile": "FROM base:1\nCOPY site /www\nCMD [\"serve\"]\n", "web/site/index.html": "one", "web/README.md": "read"}
	first := f.assembling(t)
	if len(f.jobs) != 0 || first.Job != "" || first.Why != "assembled: first build of this service here" || !strings.Contains(first.Image, "@sha256:") {
		t.Fatalf("builds %v; %+v", f.jobs, first)
	}
	if !strings.Contains(string(f.applied), first.Image) {
		t.Errorf("what was applied lacks the image %s", first.Image)
	}
	f.more["web/README.md"] = "better"
	if again := f.assembling(t); again.Image != first.Image || !again.Reused || again.InputHash != first.InputHash {
		t.Errorf("after a changed README: %+v, want that of before: %+v", again, first)
	}
	f.more["web/site/index.html"] = "two"
	if changed := f.assembling(t); changed.Image == first.Image || changed.Reused || len(f.jobs) != 0 {
		t.Errorf("after a changed page: %+v; builds %v", changed, f.jobs)
	}
}

// What isn't certain is left to the builder, which says why.
func TestWhatCannotBeAssembledIsBuilt(t *testing.T) {
	tests := map[string]struct {
		dockerfile, setting string
		says                string
	}{
		"a command":        {"FROM base:1\nRUN true\nCOPY site /www\n", "", "built: first build of this service here"},
		"it is turned off": {"FROM base:1\nCOPY site /www\n", ", assemble: false", "built: first build of this service here"},
		"found out late":   {"FROM base:1\nCOPY --chown=nobody site /www\n", "", "built: first build of this service here; it can't be assembled: web/Dockerfile:2: the numbers of --chown=nobody are not known for certain"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.file = strings.ReplaceAll(file, "build: {context: web}", "build: {context: web"+tt.setting+"}")
			f.more = map[string]string{"web/Dockerfile": tt.dockerfile, "web/site/index.html": "one"}
			if service := f.assembling(t); service.Why != tt.says || len(f.jobs) != 1 || service.Job == "" {
				t.Errorf("builds %v; %+v", f.jobs, service)
			}
		})
	}
}

// What was to be assembled and had to be built is built anew by another executor.
func TestAnotherExecutorBuildsAnew(t *testing.T) {
	f := newFixture(t)
	f.more = map[string]string{"web/Dockerfile": "FROM base:1\nCOPY --chown=nobody site /www\n", "web/site/index.html": "one"}
	first := f.assembling(t)
	f.executor = "kaniko@sha256:2"
	if second := f.assembling(t); second.Reused || second.InputHash == first.InputHash || len(f.jobs) != 2 {
		t.Errorf("builds %v; %+v", f.jobs, second)
	}
}

// A build is granted just what its Dockerfile may read.
func TestBuildsAreGrantedTheirScope(t *testing.T) {
	f := newFixture(t)
	f.more = map[string]string{"web/Dockerfile": "FROM base:1\nRUN true\nCOPY site conf/*.yaml /www/\n", "web/site/index.html": "one"}
	if err := f.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.granted.Sources, " "); got != "conf/*.yaml site" || f.granted.Dockerfile != "Dockerfile" {
		t.Errorf("granted %+v", f.granted)
	}
	for _, s := range f.status.Services {
		if s.Name == "web" && (s.Inputs["web/site"] == "" || s.Inputs["web/conf/*.yaml"] == "") {
			t.Errorf("its inputs are %v", s.Inputs)
		}
	}
}
