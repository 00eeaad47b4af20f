package runner

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/assemble"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/release/fingerprint"
)

// assemble makes the images that need no execution, at the same time, and returns the
// services whose images must be built.
func (r *run) assemble(ctx context.Context, p planned, missing []string) (left []string, _ error) {
	var names []string
	for _, name := range missing {
		if p.builds[name].assembled {
			names = append(names, name)
		} else {
			left = append(left, name)
		}
	}
	if len(names) == 0 {
		return left, nil
	}
	if err := r.enter(ctx, v1alpha1.PhaseBuilding, "assembling "+strings.Join(names, ", ")); err != nil {
		return nil, err
	}
	digests, errs := make([]string, len(names)), make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { digests[i], errs[i] = r.Builds.Assemble(ctx, r.order(p.builds[name])) })
	}
	all.Wait()
	for i, name := range names {
		if err := r.recordAssembled(ctx, p.builds[name], digests[i], errs[i]); err != nil {
			return nil, err
		}
		if r.service(name).Image == "" {
			left = append(left, name)
		}
	}
	slices.Sort(left)
	return left, nil
}

// recordAssembled records what came of an assembly. What was unavailable is tried again;
// an obstacle leaves the image to the builder.
func (r *run) recordAssembled(ctx context.Context, of recipe, digest string, err error) error {
	first := true
	digest, err = attempt(ctx, r, func(ctx context.Context) (string, error) {
		if first {
			first = false
			return digest, err
		}
		return r.Builds.Assemble(ctx, r.order(of))
	})
	service := r.service(of.service)
	var found *assemble.Obstacle
	switch {
	case errors.As(err, &found):
		service.Why = printable.Excerpt(strings.Replace(service.Why, "assembled: ", "built: ", 1)+"; it can't be assembled: "+found.In(path.Join(of.build.Context, of.build.Dockerfile)), maxWhy)
		return nil
	case err != nil:
		return fmt.Errorf("service %s: %w", of.service, err)
	}
	service.Image = r.Builds.Request.Repository + "@" + digest
	return nil
}

// maxWhy bounds why a service is built, in bytes.
const maxWhy = 1024

// order returns what to assemble.
func (r *run) order(of recipe) assemble.Order {
	made := assemble.Order{
		Name: path.Join(of.build.Context, of.build.Dockerfile), Dockerfile: of.dockerfile,
		Parameters: of.parameters(func(ref string) (build.BaseConfig, error) { return of.bases[ref], nil }),
		Bases:      of.input.BaseImages, Context: path.Clean(of.build.Context), Scope: of.scope, Created: of.snapshot.Made,
		Repository: r.Builds.Request.Repository, Hash: of.hash,
	}
	tree := of.snapshot.Tree
	if recorded, is := tree.(*fingerprint.RecordedTree); is {
		made.Tree, _ = recorded.Unrecorded().(assemble.Tree)
	} else {
		made.Tree, _ = tree.(assemble.Tree)
	}
	return made
}
