package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
)

// maxFindings is how many refusals a release's message lists.
const maxFindings = 5

// maxWarnings is how many warnings a release keeps.
const maxWarnings = 20

// render makes the manifests: rendered, every image pinned to a digest, and
// guarded.
func (r *run) render(ctx context.Context, p planned, images map[string]string) ([]byte, error) {
	r.mark(v1alpha1.PhaseRendering, "rendering")
	request, result, digests, err := r.rendered(ctx, p, images)
	if err != nil {
		return nil, err
	}
	manifests, err := render.Pin(result.Manifests, digests)
	if err != nil {
		return nil, err
	}
	r.recordServices(p, digests)
	r.status.Warnings = bounded(result.Warnings)
	r.origins = func(ctx context.Context) (map[string]string, error) {
		return render.Origins(ctx, r.Renderer, p.snapshot.Tree, request)
	}
	return manifests, r.guard(ctx, manifests, slices.Sorted(maps.Keys(p.services)))
}

// rendered renders with what the images say of themselves that services name. Which
// images Compose files name is known only once they were rendered: where one of
// them says something that counts, they are rendered again.
func (r *run) rendered(ctx context.Context, p planned, images map[string]string) (request render.Request, result render.Result, digests map[string]string, err error) {
	request = r.renderRequest(p, images)
	if request.ImageConfigs, err = r.imageConfigs(ctx, namedImages(p.services, images)); err != nil {
		return request, result, nil, err
	}
	makeIt := func(ctx context.Context) (render.Result, error) {
		return r.Renderer.Render(ctx, p.snapshot.Tree, request)
	}
	if result, err = attempt(ctx, r, makeIt); err != nil {
		return request, result, nil, err
	}
	resolve := func(ctx context.Context) (map[string]string, error) { return r.digests(ctx, result.Images) }
	if digests, err = attempt(ctx, r, resolve); err != nil || !hasCompose(p.services) {
		return request, result, digests, err
	}
	configs, err := r.imageConfigs(ctx, result.Images)
	if err != nil || !sayMore(request.ImageConfigs, configs) {
		return request, result, digests, err
	}
	request.ImageConfigs = configs
	result, err = attempt(ctx, r, makeIt)
	return request, result, digests, err
}

// namedImages returns the references, by tag, that services of the project file
// have, and those of templates.
func namedImages(services map[string]project.Service, built map[string]string) []string {
	var refs []string
	for name, service := range services {
		if service.Image != "" && built[name] == "" && !render.IsPinned(service.Image) {
			refs = append(refs, service.Image)
		}
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}

func hasCompose(services map[string]project.Service) bool {
	for _, service := range services {
		if service.Compose != nil {
			return true
		}
	}
	return false
}

// sayMore reports whether an image of those that were not known says something that
// counts.
func sayMore(known, all map[string]project.ImageConfig) bool {
	for ref, config := range all {
		if _, is := known[ref]; !is && (config.UserID() != 0 || len(config.Ports)+len(config.Volumes) > 0) {
			return true
		}
	}
	return false
}

// imageConfigs reads what images say of themselves, by the digests that they have
// in this release.
func (r *run) imageConfigs(ctx context.Context, refs []string) (map[string]project.ImageConfig, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	return attempt(ctx, r, func(ctx context.Context) (map[string]project.ImageConfig, error) {
		digests, err := r.digests(ctx, refs)
		if err != nil {
			return nil, err
		}
		configs := make(map[string]project.ImageConfig, len(refs))
		for _, ref := range refs {
			if digests[ref] == "" {
				continue // another project's: nobody asks for it
			}
			if configs[ref], err = r.Builds.Registry.Config(ctx, ref, digests[ref]); err != nil {
				return nil, err
			}
		}
		return configs, nil
	})
}

// bounded returns the first warnings, and how many there are besides.
func bounded(warnings []string) []string {
	if len(warnings) <= maxWarnings {
		return warnings
	}
	more := fmt.Sprintf("%d more warnings; slipway render shows all", len(warnings)-maxWarnings+1)
	return append(slices.Clone(warnings[:maxWarnings-1]), more)
}

// renderRequest returns what a stage's rendering depends on besides the commit's
// tree.
func (r *run) renderRequest(p planned, images map[string]string) render.Request {
	request := p.renderRequest(r.Place())
	request.Commit = r.Release.Spec.Head.Commit
	request.Images = images
	return request
}

// digests resolves image references that have no digest.
func (r *run) digests(ctx context.Context, refs []string) (map[string]string, error) {
	digests := make(map[string]string, len(refs))
	var promoted map[string]string
	if r.Release.Spec.Trigger == v1alpha1.TriggerPromotion {
		var err error
		if promoted, err = r.promotedDigests(ctx); err != nil {
			return nil, err
		}
	}
	policy := release.PolicyOf(r.Inputs)
	for _, ref := range refs {
		if policy.Foreign(ref) {
			continue // guard refuses it, and nobody asks for it with our credentials
		}
		if digest, known := promoted[ref]; known {
			digests[ref] = digest
			continue
		}
		digest, err := r.Builds.Registry.Resolve(ctx, ref)
		if err != nil {
			return nil, err
		}
		digests[ref] = digest
	}
	return digests, nil
}

// recordServices completes the status: the services that nothing is built for,
// and every service's address.
func (r *run) recordServices(p planned, digests map[string]string) {
	for name, service := range p.services {
		if _, built := p.built[name]; built {
			continue
		}
		note := v1alpha1.ReleaseService{Name: name, Why: "nothing to build: the source is " + string(service.Source())}
		if digest, resolved := digests[service.Image]; resolved {
			note.Image = service.Image + "@" + digest
			note.Why = "image " + service.Image + " as it is now"
		}
		r.status.Services = append(r.status.Services, note)
	}
	slices.SortFunc(r.status.Services, func(a, b v1alpha1.ReleaseService) int { return strings.Compare(a.Name, b.Name) })
	urls := r.urls(p)
	for i := range r.status.Services {
		service := &r.status.Services[i]
		service.URL, service.Deadline = urls[service.Name], p.services[service.Name].Deadline
		if r.status.URL == "" {
			r.status.URL = service.URL
		}
	}
}

// urls returns the address of each routed service.
func (r *run) urls(p planned) map[string]string {
	urls := map[string]string{}
	hosts := release.Hosts(p.rule, p.services, release.Place{Stage: r.Stage.Spec.Name, Project: r.Project.Name, Ingress: r.Cluster.Spec.Ingress})
	for name, of := range hosts {
		at := "/" // of a Compose file, which says more only when it is rendered
		if routes := p.services[name].Routes; len(routes) > 0 {
			at = routes[0].Path
		}
		urls[name] = release.URL(r.Cluster.Spec.Ingress, of[0], at)
	}
	return urls
}
