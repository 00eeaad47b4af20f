package release

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Begun returns the Jobs of the builds that releases ordered, or waited for,
// without seeing their end, by service, the newest first.
func (h History) Begun() map[string][]string {
	begun := map[string][]string{}
	for _, release := range h {
		for _, service := range release.Status.Services {
			known := slices.Contains(begun[service.Name], service.Job)
			if service.Job != "" && service.Image == "" && !known {
				begun[service.Name] = append(begun[service.Name], service.Job)
			}
		}
	}
	return begun
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
