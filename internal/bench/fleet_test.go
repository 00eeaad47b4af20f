//go:build integration

package bench

import (
	"context"
	"crypto/sha1"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

// fleet makes many projects as they are after some months: each has a
// repository at the forge, ten stages, and finished releases of every stage, the
// last of which is what the stage wants.
type fleet struct {
	organization string
	server       client.Client // nobody else may make stages
}

const (
	stagesPerProject = 10
	fleetWriters     = 24
)

func newFleet(b *testing.B, organization string) fleet {
	b.Helper()
	config := rest.CopyConfig(world.Plane.Config)
	config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + servertest.Namespace + ":slipway", Groups: []string{"system:masters"}}
	server, err := client.New(config, client.Options{Scheme: world.Client.Scheme()})
	if err != nil {
		b.Fatal(err)
	}
	return fleet{organization, server}
}

// fill makes projects.
func (f fleet) fill(ctx context.Context, projects, releases int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fleetWriters)
	for i := range projects {
		group.Go(func() error { return f.makeProject(ctx, i, int64(releases)) })
	}
	return group.Wait()
}

func (f fleet) makeProject(ctx context.Context, number int, releases int64) error {
	p := &servertest.Project{Organization: f.organization, Name: fmt.Sprintf("shop-%d", number)}
	var rules strings.Builder
	for i := range stagesPerProject {
		fmt.Fprintf(&rules, "  - {name: stage-%d, branch: main}\n", i)
	}
	files := repository(rules.String(), 5, 0)
	files[project.FileName] = strings.Replace(files[project.FileName], "project: shop", "project: "+p.Name, 1)
	if err := world.Register(ctx, p, files); err != nil {
		return err
	}
	commit, err := world.Forge.Head(p.Path, "main")
	if err != nil {
		return err
	}
	document, err := projectfile.Parse(project.FileName, []byte(files[project.FileName]))
	if err != nil {
		return fmt.Errorf("parse the file of %s: %w", p.Name, err)
	}
	object := &v1alpha1.Project{}
	object.Name, object.Namespace = p.Name, naming.OrganizationNamespace(f.organization)
	stages := release.Wanted(object, document.File, map[string]string{"refs/heads/main": commit}, func(_, commit string) v1alpha1.Head {
		return v1alpha1.Head{Commit: commit, FileCommit: commit, FileID: blobID(files[project.FileName]), Actor: "owner"}
	})
	for i := range stages {
		if err := f.makeStage(ctx, &stages[i], int64(number*stagesPerProject+i), releases); err != nil {
			return err
		}
	}
	return nil
}

// blobID returns git's id of a file's content.
func blobID(content string) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content)))
}

func (f fleet) makeStage(ctx context.Context, stage *v1alpha1.Stage, number, releases int64) error {
	if err := f.server.Create(ctx, stage); err != nil {
		return fmt.Errorf("make stage %s: %w", stage.Name, err)
	}
	for sequence := int64(1); sequence <= releases; sequence++ {
		finished := releasetest.Finished(stage, number, sequence)
		if sequence == releases {
			finished.Spec.Head = stage.Spec.Wanted
		}
		if err := f.makeRelease(ctx, finished); err != nil {
			return err
		}
	}
	return nil
}

// makeRelease makes a release as a server does: first what it is to deploy, then
// how it ended.
func (f fleet) makeRelease(ctx context.Context, finished *v1alpha1.Release) error {
	made := &v1alpha1.Release{Spec: finished.Spec}
	made.Name, made.Namespace, made.Labels, made.OwnerReferences = finished.Name, finished.Namespace, finished.Labels, finished.OwnerReferences
	if err := f.server.Create(ctx, made); err != nil {
		return fmt.Errorf("make release %s: %w", made.Name, err)
	}
	before := made.DeepCopy()
	made.Status = finished.Status
	if err := f.server.Status().Patch(ctx, made, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("finish release %s: %w", made.Name, err)
	}
	return nil
}
