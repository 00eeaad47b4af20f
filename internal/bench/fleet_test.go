//go:build integration

package bench

import (
	"context"
	"crypto/sha1"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/kubetest"
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
	storage      *kubetest.Storage
}

const (
	stagesPerProject = 10
	fleetWriters     = 24
)

func newFleet(b *testing.B, organization string) fleet {
	b.Helper()
	storage, err := world.Plane.Storage()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(storage.Close)
	return fleet{organization, storage}
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
	return f.writeStages(ctx, stages, int64(number*stagesPerProject), releases)
}

// blobID returns git's id of a file's content.
func blobID(content string) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content)))
}

// writeStages writes stages and their finished releases as the API server keeps them.
func (f fleet) writeStages(ctx context.Context, stages []v1alpha1.Stage, first, releases int64) error {
	var made, finished []client.Object
	for i := range stages {
		stage, number := &stages[i], first+int64(i)
		stage.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion().String(), Kind: "Stage"}
		stage.UID, stage.Generation, stage.CreationTimestamp = types.UID(releasetest.ID(36, number<<16)), 1, metav1.NewTime(time.Unix(1_700_000_000, 0))
		made = append(made, stage)
		for sequence := int64(1); sequence <= releases; sequence++ {
			r := releasetest.Finished(stage, number, sequence)
			r.ResourceVersion = "" // the storage knows it
			if sequence == releases {
				r.Spec.Head = stage.Spec.Wanted
			}
			finished = append(finished, r)
		}
	}
	group := v1alpha1.GroupVersion().Group
	if err := f.storage.Write(ctx, group, "stages", made...); err != nil {
		return err
	}
	return f.storage.Write(ctx, group, "releases", finished...)
}
