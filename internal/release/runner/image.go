package runner

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
)

// rendered renders with what the images say of themselves that services name. Which
// images Compose files name is known only once they were rendered: where one of
// them says something that counts, they are rendered again.
func (r *run) rendered(ctx context.Context, p planned, images map[string]string) (request render.Request, result render.Result, digests map[string]string, err error) {
	request = r.renderRequest(p, images)
	if request.ImageConfigs, err = r.imageConfigs(ctx, namedImages(p.services, images)); err != nil {
		return request, result, nil, err
	}
	makeIt := func(ctx context.Context) (render.Result, error) { return r.Renderer.Render(ctx, p.snapshot.Tree, request) }
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
			if configs[ref], err = r.Builds.Registry.Config(ctx, ref, digests[ref]); err != nil {
				return nil, err
			}
		}
		return configs, nil
	})
}
