package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/assemble"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/fingerprint"
)

// defaultBuildPoll is the interval at which running builds are checked.
const defaultBuildPoll = 500 * time.Millisecond

// nextPoll waits until running builds are checked again.
func (r *run) nextPoll(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(cmp.Or(r.buildPoll, defaultBuildPoll)):
		return nil
	}
}

// build makes the images that are missing and returns all of them by service,
// as repository@digest.
func (r *run) build(ctx context.Context, p planned) (map[string]string, error) {
	missing, err := r.assemble(ctx, p, r.missing())
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		if err := r.awaitEarlierBuilds(ctx, missing); err != nil {
			return nil, err
		}
		r.recordJobs(missing)
		if err := r.enter(ctx, v1alpha1.PhaseBuilding, "building "+strings.Join(missing, ", ")); err != nil {
			return nil, err
		}
		if _, err := attempt(ctx, r, func(ctx context.Context) (struct{}, error) { return struct{}{}, r.Target.Prepare(ctx, true) }); err != nil {
			return nil, err
		}
	}
	if err := r.buildAll(ctx, p, missing); err != nil {
		return nil, err
	}
	images := make(map[string]string, len(r.status.Services))
	for _, s := range r.status.Services {
		images[s.Name] = s.Image
	}
	return images, nil
}

// missing returns the services whose image does not exist yet.
func (r *run) missing() []string {
	var names []string
	for _, s := range r.status.Services {
		if s.InputHash != "" && s.Image == "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// buildAll starts every missing build and waits for all. The first failure stops
// the release; the other builds continue, because other releases may need them.
func (r *run) buildAll(ctx context.Context, p planned, names []string) error {
	since := r.Now()
	for len(names) > 0 {
		for _, name := range slices.Clone(names) {
			done, err := r.ensureBuild(ctx, p.builds[name], since)
			if err != nil {
				return err
			}
			if done {
				names = slices.DeleteFunc(names, func(n string) bool { return n == name })
			}
		}
		if len(names) == 0 {
			return nil
		}
		if err := r.nextPoll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ensureBuild starts one build, or checks its state when it runs already.
func (r *run) ensureBuild(ctx context.Context, recipe recipe, since time.Time) (done bool, err error) {
	service := r.service(recipe.service)
	request, err := r.request(recipe, since)
	if err != nil {
		return false, err
	}
	state, err := attempt(ctx, r, func(ctx context.Context) (build.State, error) {
		return r.Builds.Builder.Ensure(ctx, request)
	})
	if err != nil {
		return false, fmt.Errorf("service %s: %w", recipe.service, err)
	}
	service.Job = state.Job.Name
	switch state.Phase {
	case build.Succeeded:
		return true, r.recordImage(ctx, service, recipe, state)
	case build.Failed:
		return false, &release.Failure{Cause: "BuildFailed", Message: fmt.Sprintf("service %s: %s", recipe.service, state.Message)}
	}
	return false, nil
}

// recordImage records the image of a build that succeeded.
func (r *run) recordImage(ctx context.Context, service *v1alpha1.ReleaseService, recipe recipe, state build.State) error {
	repository := r.Builds.Request.Repository
	if state.Digest != "" {
		service.Image = repository + "@" + state.Digest
		return nil
	}
	ref, found, err := r.Builds.Registry.Exists(ctx, repository, recipe.hash)
	if err != nil {
		return err
	}
	if !found {
		return fault.New(fault.Conflict, "service %s: its build succeeded, but the registry has no image %s:%s; push again to rebuild it", recipe.service, repository, recipe.hash)
	}
	service.Image = ref
	return nil
}

// request returns the request for one build.
func (r *run) request(recipe recipe, since time.Time) (build.Request, error) {
	request := r.Builds.Request
	request.Organization, request.Project = r.Organization, r.Project.Name
	request.Hash = recipe.hash
	grant, err := r.Sources.Grant(r.Inputs, recipe.snapshot, recipe.build.Context, recipe.scope)
	if err != nil {
		return build.Request{}, err
	}
	request.Source = grant
	request.Dockerfile = recipe.build.Dockerfile
	request.DockerfileText = recipe.dockerfile
	request.Args, request.Target = recipe.build.Args, recipe.build.Target
	request.Retry = since
	return request, nil
}

// service returns the status of one service.
func (r *run) service(name string) *v1alpha1.ReleaseService {
	i := slices.IndexFunc(r.status.Services, func(s v1alpha1.ReleaseService) bool { return s.Name == name })
	return &r.status.Services[i]
}

// awaitEarlierBuilds waits until no build of the services by an earlier release
// is running. A stage runs one build of a service at a time. Of many pushes
// during one build, all but the newest are superseded while they wait here, so
// that none of them is built.
func (r *run) awaitEarlierBuilds(ctx context.Context, services []string) error {
	for {
		busy, err := r.runningBuild(ctx, services)
		if err != nil || busy == "" {
			return err
		}
		if err := r.enter(ctx, v1alpha1.PhaseBuilding, fmt.Sprintf("service %s waits until the build of an earlier commit ends", busy)); err != nil {
			return err
		}
		if err := r.nextPoll(ctx); err != nil {
			return err
		}
	}
}

// runningBuild returns a service that an earlier release still builds, empty
// when there is none.
func (r *run) runningBuild(ctx context.Context, services []string) (string, error) {
	for _, name := range services {
		if len(r.EarlierBuilds[name]) == 0 {
			continue
		}
		own := r.service(name)
		r.EarlierBuilds[name] = slices.DeleteFunc(r.EarlierBuilds[name], func(job string) bool { return job == naming.BuildJob(own.InputHash) })
		for len(r.EarlierBuilds[name]) > 0 {
			job := build.Job{Namespace: r.Builds.Request.Namespace, Name: r.EarlierBuilds[name][0]}
			state, err := attempt(ctx, r, func(ctx context.Context) (build.State, error) { return r.Builds.Builder.Look(ctx, job) })
			if err != nil && fault.CodeOf(err) != fault.NotFound {
				return "", fmt.Errorf("service %s: %w", name, err)
			}
			if err == nil && (state.Phase == build.Pending || state.Phase == build.Running) {
				own.Job = job.Name // later releases find it there
				return name, nil
			}
			r.EarlierBuilds[name] = r.EarlierBuilds[name][1:]
		}
	}
	return "", nil
}

// recordJobs records the Jobs of the builds that are about to start, so that a
// later release finds them whatever happens to this one.
func (r *run) recordJobs(services []string) {
	for _, name := range services {
		own := r.service(name)
		own.Job = naming.BuildJob(own.InputHash)
	}
}

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
