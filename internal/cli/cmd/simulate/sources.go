package simulate

import (
	"context"
	"errors"
	"slices"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
)

// offlineSources reads commits of the local repository.
type offlineSources struct{ *forecaster }

// File implements runner.Sources.
func (s offlineSources) File(_ context.Context, _ *v1alpha1.Project, head v1alpha1.Head) (*projectfile.Document, string, error) {
	opened, err := s.repository.OpenAt(head.FileCommit)
	return opened.Document, "", err
}

// Open implements runner.Sources.
func (s offlineSources) Open(_ context.Context, _ *v1alpha1.Project, _ *v1alpha1.Stage, commit string) (release.Snapshot, error) {
	tree, commit, err := git.OpenTree(s.directory, commit)
	if err != nil {
		return release.Snapshot{}, err
	}
	return release.Snapshot{Tree: tree, Commit: commit}, nil
}

// OpenSecondary implements runner.Sources.
func (offlineSources) OpenSecondary(_ context.Context, _ *v1alpha1.Project, _ v1alpha1.Head, url, _ string) (release.Snapshot, error) {
	return release.Snapshot{}, fault.New(fault.NotFound, "it is built from %s, which is not here", url)
}

// Descends implements runner.Sources.
func (offlineSources) Descends(context.Context, *v1alpha1.Project, string, string) (bool, error) {
	return false, fault.New(fault.NotFound, "what was released before is not known here")
}

// Grant implements runner.Sources.
func (offlineSources) Grant(release.Inputs, release.Snapshot, string, scope.Scope) (build.Source, error) {
	return build.Source{}, errors.New("nothing is built offline")
}

// offlineImages stands for the registry: it has what was built before, and
// takes every base image for unchanged.
type offlineImages struct{ known map[string]string }

// Exists implements release.Images.
func (i *offlineImages) Exists(_ context.Context, _, hash string) (string, bool, error) {
	ref, found := i.known[hash]
	return ref, found, nil
}

// Resolve implements release.Images.
func (*offlineImages) Resolve(_ context.Context, ref string) (string, error) { return ref, nil }

// Config implements release.Images.
func (*offlineImages) Config(context.Context, string, string) (project.ImageConfig, error) {
	return project.ImageConfig{}, nil
}

// Base implements release.Images. What a base image says is the same before and after.
func (*offlineImages) Base(context.Context, string, string) (build.BaseConfig, error) {
	return build.BaseConfig{}, nil
}

// ResolveBases implements release.Images.
func (*offlineImages) ResolveBases(_ context.Context, _ *build.Dockerfile, bases []build.Base) (map[string]string, error) {
	names := map[string]string{}
	for _, base := range bases {
		names[base.Ref] = base.Ref
	}
	return names, nil
}

// offlineFacts is what the flags say of the forge.
type offlineFacts struct{ *simulateCommand }

// Checks implements runner.Facts.
func (f offlineFacts) Checks(context.Context, release.Inputs) (map[string]plan.CheckState, error) {
	checks := map[string]plan.CheckState{}
	for _, name := range f.passed {
		checks[name] = plan.CheckPassed
	}
	for _, name := range f.failed {
		checks[name] = plan.CheckFailed
	}
	return checks, nil
}

// Groups implements runner.Facts.
func (f offlineFacts) Groups(_ context.Context, _ release.Inputs, _ string, among []string) ([]string, error) {
	return slices.DeleteFunc(slices.Clone(among), func(group string) bool { return !slices.Contains(f.groups, group) }), nil
}
