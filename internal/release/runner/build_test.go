package runner_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
)

func TestReleaseWaitsForTheBuildBeforeIt(t *testing.T) {
	f := newFixture(t)
	job := naming.BuildJob("earlier")
	f.running = map[string]int{job: 1}
	o := f.inputs("alice")
	o.EarlierBuilds = map[string][]string{"web": {"gone", job}, "other": {"unrelated"}}
	if err := f.runner().Run(t.Context(), o, f, nil); err != nil {
		t.Fatal(err)
	}
	if f.status.Phase != v1alpha1.PhaseSucceeded || len(f.jobs) != 1 || f.running[job] != 0 {
		t.Errorf("phase %s, builds %v, looks left %v", f.status.Phase, f.jobs, f.running)
	}
}

func TestReleaseOvertakenWhileItWaitsBuildsNothing(t *testing.T) {
	f := newFixture(t)
	f.running = map[string]int{naming.BuildJob("earlier"): 1 << 20}
	o := f.inputs("alice")
	o.EarlierBuilds = map[string][]string{"web": {naming.BuildJob("earlier")}}
	ctx, cancel := context.WithCancelCause(t.Context())
	f.stop, f.stopAt = func() { cancel(release.ErrSuperseded) }, 1
	if err := f.runner().Run(ctx, o, f, nil); err != nil && !errors.Is(err, release.ErrSuperseded) {
		t.Fatal(err)
	}
	if f.status.Phase != v1alpha1.PhaseSuperseded || len(f.jobs) != 0 {
		t.Errorf("phase %s, builds %v, want none", f.status.Phase, f.jobs)
	}
	passed := release.NewHistory([]v1alpha1.Release{{Status: f.status}}).UnfinishedBuilds()
	if diff := cmp.Diff(o.EarlierBuilds, passed); diff != "" {
		t.Errorf("the next release does not learn of the build: %s", diff)
	}
}

// TestServicesOfComposeFilesAreBuilt releases a project whose only file is a
// Compose file.
func TestServicesOfComposeFilesAreBuilt(t *testing.T) {
	f := newFixture(t)
	f.file = "version: 1\nproject: shop\nmembers:\n  - {user: alice, role: owner}\nstages:\n  - {name: production, branch: main, hosts: {app: shop.example}}\n" +
		"services:\n  all: {compose: {file: compose.yaml, services: [app, worker, cache]}}\n"
	f.more = map[string]string{"compose.yaml": "services:\n  app: {build: web, image: shop/app, labels: {a: b}, expose: ['80'], x-slipway: {routes: [{path: /}]}}\n  worker: {image: shop/app, command: work}\n  cache: {image: 'cache:1'}\n  left: {build: gone}\n"}
	if err := f.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if f.status.Phase != v1alpha1.PhaseSucceeded || len(f.jobs) != 1 {
		t.Fatalf("phase %s (%s), builds %v, want one for both services", f.status.Phase, f.status.Message, f.jobs)
	}
	built := map[string]string{}
	for _, s := range f.status.Services {
		if s.InputHash != "" {
			built[s.Name] = s.Image
		}
	}
	if built["app"] == "" || built["app"] != built["worker"] || len(built) != 2 {
		t.Errorf("the status has the images %v", built)
	}
	if f.status.URL != "https://shop.example/" || !strings.Contains(string(f.applied), "host: shop.example") {
		t.Errorf("its address is %q, want the host of the stage", f.status.URL)
	}
	if n := strings.Count(string(f.applied), built["app"]); n != 2 {
		t.Errorf("the image is in the manifests %d times, want in two workloads", n)
	}
	if !slices.ContainsFunc(f.status.Warnings, func(w string) bool { return strings.HasPrefix(w, "compose.yaml:2: services.app.labels: ") }) {
		t.Errorf("the release's warnings are %q", f.status.Warnings)
	}

	f.status = v1alpha1.ReleaseStatus{}
	if err := f.run(t.Context(), "alice"); err != nil || f.status.Built != 0 || f.status.Reused != 2 {
		t.Errorf("again: %v, built %d, reused %d, want nothing to be built", err, f.status.Built, f.status.Reused)
	}
}

// Images of others are refused wherever a repository names one, and nobody asks for them
// with the credentials of the cluster.
func TestImagesOfOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		dockerfile, image string
		says              string
	}{
		"a base image":          {"FROM HOST/globex/app:1\n", "", "web/Dockerfile:1: base image"},
		"one that files are of": {"FROM base:1\nCOPY --from=HOST/globex/app:1 / /\n", "", "web/Dockerfile:2: base image"},
		"one of an argument":    {"ARG FROM=HOST/globex/app:1\nFROM $FROM\n", "", "base image"},
		"a service":             {"", "HOST/globex/app:1", "rule image-owner"},
		"a service, by digest":  {"", "HOST/globex/app@sha256:" + strings.Repeat("0", 64), "rule image-owner"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if tt.dockerfile != "" {
				f.more = map[string]string{"web/Dockerfile": strings.ReplaceAll(tt.dockerfile, "HOST", f.host)}
			}
			if tt.image != "" {
				f.file = strings.ReplaceAll(file, "image: cache:1", "image: "+strings.ReplaceAll(tt.image, "HOST", f.host))
			}
			inputs := f.inputs("alice")
			inputs.Cluster.Spec.Registry = v1alpha1.Registry{Host: f.host, Shared: []string{"library"}}
			r := f.runner()
			r.Policy = release.PolicyOf
			if err := r.Run(t.Context(), inputs, f, nil); err != nil {
				t.Fatal(err)
			}
			if f.status.Phase != v1alpha1.PhaseFailed || !strings.Contains(f.status.Message, tt.says) || !strings.Contains(f.status.Message, "spec.registry.shared") {
				t.Errorf("%s: %s, want a refusal that says %q", f.status.Phase, f.status.Message, tt.says)
			}
		})
	}
}

// What a fork's commit builds is nobody else's, whatever it is built from, and it takes
// what the project's own commits built.
func TestImagesOfForks(t *testing.T) {
	const class = "/previews/pr-7"
	run := func(f *fixture, fork bool) string {
		t.Helper()
		f.status = v1alpha1.ReleaseStatus{}
		inputs := f.inputs("alice")
		if fork {
			inputs.Stage.Spec.Fork = true
			inputs.Builds.Class, inputs.Builds.Trusted = "pr-7", inputs.Builds.Request.Repository
			inputs.Builds.Request.Repository += class
		}
		if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
			t.Fatal(err)
		}
		for _, s := range f.status.Services {
			if s.InputHash != "" {
				return s.Image
			}
		}
		t.Fatalf("%s: %s", f.status.Phase, f.status.Message)
		return ""
	}
	t.Run("a fork after a stage", func(t *testing.T) {
		f := newFixture(t)
		stages := run(f, false)
		if forks := run(f, true); forks != stages || f.status.Built != 0 || len(f.jobs) != 1 {
			t.Errorf("the fork runs %s, the stage %s; built %d, jobs %v", forks, stages, f.status.Built, f.jobs)
		}
	})
	t.Run("a stage after a fork", func(t *testing.T) {
		f := newFixture(t)
		forks := run(f, true)
		stages := run(f, false)
		if !strings.Contains(forks, class+"@") || strings.Contains(stages, class) || f.status.Built != 1 || len(f.jobs) != 2 {
			t.Errorf("the fork runs %s, the stage %s; built %d, jobs %v", forks, stages, f.status.Built, f.jobs)
		}
		if again := run(f, true); again != stages {
			t.Errorf("then the fork runs %s", again)
		}
	})
}
