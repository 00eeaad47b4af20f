package release

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// buildPoll is how often a running build is looked at.
const buildPoll = 500 * time.Millisecond

// build makes the images that are missing and returns all of them by service,
// as repository@digest.
func (r *run) build(ctx context.Context, p planned) (map[string]string, error) {
	missing := r.missing()
	if len(missing) > 0 {
		if err := r.awaitBegun(ctx, missing); err != nil {
			return nil, err
		}
		r.order(missing)
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

// buildAll starts every missing build and waits for all; the first that fails
// stops the release, the others go on for whoever else needs them.
func (r *run) buildAll(ctx context.Context, p planned, names []string) error {
	since := r.Now()
	for len(names) > 0 {
		for _, name := range slices.Clone(names) {
			done, err := r.look(ctx, p.builds[name], since)
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
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(buildPoll):
		}
	}
	return nil
}

// look starts one build or looks how it stands.
func (r *run) look(ctx context.Context, recipe recipe, since time.Time) (done bool, err error) {
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
		return true, r.built(ctx, service, recipe, state)
	case build.Failed:
		return false, &Failure{Cause: "BuildFailed", Message: fmt.Sprintf("service %s: %s", recipe.service, state.Message)}
	}
	return false, nil
}

// built notes the image of a build that succeeded.
func (r *run) built(ctx context.Context, service *v1alpha1.ReleaseService, recipe recipe, state build.State) error {
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
		return fault.New(fault.Conflict, "service %s: its build succeeded, but the registry has no image %s:%s; push again to build it anew", recipe.service, repository, recipe.hash)
	}
	service.Image = ref
	return nil
}

// request makes the order of one build.
func (r *run) request(recipe recipe, since time.Time) (build.Request, error) {
	request := r.Builds.Request
	request.Organization, request.Project = r.Organization, r.Project.Name
	request.Hash = recipe.hash
	grant, err := r.Sources.Grant(r.Inputs, recipe.snapshot, recipe.build.Context)
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

// awaitBegun waits until no earlier release's build of the services runs any
// more. A stage builds a service once at a time: of many pushes during one
// build all but the newest are overtaken while they wait here, and none of
// those is built.
func (r *run) awaitBegun(ctx context.Context, services []string) error {
	for {
		busy, err := r.busy(ctx, services)
		if err != nil || busy == "" {
			return err
		}
		if err := r.enter(ctx, v1alpha1.PhaseBuilding, fmt.Sprintf("service %s waits for its build that an earlier commit began", busy)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(buildPoll):
		}
	}
}

// busy returns a service whose earlier build runs, empty when none does.
func (r *run) busy(ctx context.Context, services []string) (string, error) {
	for _, name := range services {
		if len(r.Begun[name]) == 0 {
			continue
		}
		own := r.service(name)
		r.Begun[name] = slices.DeleteFunc(r.Begun[name], func(job string) bool { return job == naming.BuildJob(own.InputHash) })
		for len(r.Begun[name]) > 0 {
			job := build.Job{Namespace: r.Builds.Request.Namespace, Name: r.Begun[name][0]}
			state, err := attempt(ctx, r, func(ctx context.Context) (build.State, error) { return r.Builds.Builder.Look(ctx, job) })
			if err != nil && fault.CodeOf(err) != fault.NotFound {
				return "", fmt.Errorf("service %s: %w", name, err)
			}
			if err == nil && (state.Phase == build.Pending || state.Phase == build.Running) {
				own.Job = job.Name // for the releases after this one
				return name, nil
			}
			r.Begun[name] = r.Begun[name][1:]
		}
	}
	return "", nil
}

// order notes the builds that are about to be ordered, so that a later release
// knows of them whatever happens to this one.
func (r *run) order(services []string) {
	for _, name := range services {
		own := r.service(name)
		own.Job = naming.BuildJob(own.InputHash)
	}
}
