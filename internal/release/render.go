package release

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// maxFindings is how many refusals a release's message lists.
const maxFindings = 5

// maxWarnings is how many warnings a release keeps.
const maxWarnings = 20

// render makes the manifests: rendered, every image pinned to a digest, and
// guarded.
func (r *run) render(ctx context.Context, p planned, images map[string]string) ([]byte, error) {
	r.mark(v1alpha1.PhaseRendering, "rendering")
	request := r.renderRequest(p, images)
	result, err := attempt(ctx, r, func(ctx context.Context) (render.Result, error) {
		return r.Renderer.Render(ctx, p.snapshot.Tree, request)
	})
	if err != nil {
		return nil, err
	}
	digests, err := attempt(ctx, r, func(ctx context.Context) (map[string]string, error) {
		return r.digests(ctx, result.Images)
	})
	if err != nil {
		return nil, err
	}
	manifests, err := render.Pin(result.Manifests, digests)
	if err != nil {
		return nil, err
	}
	r.noteServices(p, digests)
	r.status.Warnings = result.Warnings[:min(len(result.Warnings), maxWarnings)]
	r.origins = func(ctx context.Context) (map[string]string, error) {
		return render.Origins(ctx, r.Renderer, p.snapshot.Tree, request)
	}
	return manifests, r.guard(ctx, manifests, slices.Sorted(maps.Keys(p.services)))
}

// Request returns what a stage's rendering depends on besides the commit.
func (r *run) renderRequest(p planned, images map[string]string) render.Request {
	request := RenderRequest(p.document, p.services, p.rule, r.place())
	request.Commit = r.Release.Spec.Head.Commit
	request.Images = images
	return request
}

// place returns where the release's stage is put.
func (o Inputs) place() Place {
	return Place{
		Organization:    o.Organization,
		Project:         o.Project.Name,
		Stage:           o.Stage.Spec.Name,
		Namespace:       o.Stage.Spec.Namespace,
		Ingress:         o.Cluster.Spec.Ingress,
		ImagePullSecret: tenancy.PullSecretOf(o.Cluster.Spec.Registry),
	}
}

// digests asks what the image references that have none point to now.
func (r *run) digests(ctx context.Context, refs []string) (map[string]string, error) {
	digests := make(map[string]string, len(refs))
	var promoted map[string]string
	if r.Release.Spec.Trigger == v1alpha1.TriggerPromotion {
		var err error
		if promoted, err = r.promotedDigests(ctx); err != nil {
			return nil, err
		}
	}
	for _, ref := range refs {
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

// noteServices completes the status: the services that nothing is built for,
// and every service's address.
func (r *run) noteServices(p planned, digests map[string]string) {
	for name, service := range p.services {
		if service.Build != nil {
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

// Place is where a stage is put.
type Place struct {
	Organization string
	Project      string
	Stage        string
	Namespace    string
	Ingress      v1alpha1.Ingress
	// ImagePullSecret is what the stage's pods pull images with, if anything.
	ImagePullSecret string
}

// Hosts returns the hosts of each routed service of a stage: what the stage's
// rule says, or one made from the names below the cluster's domain.
func Hosts(rule project.Stage, services map[string]project.Service, at Place) map[string][]string {
	hosts := map[string][]string{}
	for name, service := range services {
		if len(service.Routes) == 0 {
			continue
		}
		if host := rule.Hosts[name]; host != "" {
			hosts[name] = []string{host}
		} else if at.Ingress.Domain != "" {
			hosts[name] = []string{naming.Host(name, at.Stage, at.Project, at.Ingress.Domain)}
		}
	}
	return hosts
}

// URL returns the address of a host on a cluster.
func URL(ingress v1alpha1.Ingress, host, at string) string {
	scheme := ingress.Scheme
	if scheme == "" {
		scheme = "https"
	}
	if ingress.Port != 0 {
		host = fmt.Sprintf("%s:%d", host, ingress.Port)
	}
	return scheme + "://" + host + path.Join("/", at)
}

// urls returns the address of each routed service.
func (r *run) urls(p planned) map[string]string {
	urls := map[string]string{}
	hosts := Hosts(p.rule, p.services, Place{Stage: r.Stage.Spec.Name, Project: r.Project.Name, Ingress: r.Cluster.Spec.Ingress})
	for name, of := range hosts {
		urls[name] = URL(r.Cluster.Spec.Ingress, of[0], p.services[name].Routes[0].Path)
	}
	return urls
}

// describe adds to the services' readiness what this release knows of them.
func (r *run) describe(services []v1alpha1.ServiceStatus) []v1alpha1.ServiceStatus {
	for i := range services {
		for _, s := range r.status.Services {
			if s.Name == services[i].Name {
				services[i].Image, services[i].URL = s.Image, s.URL
			}
		}
	}
	return services
}

// success is the sentence of a release that went well.
func (r *run) success() string {
	c := r.status.Changes
	text := r.became() + fmt.Sprintf(": %d created, %d changed, %d unchanged, %d removed", c.Created, c.Changed, c.Unchanged, c.Pruned)
	switch {
	case r.status.Built > 0 && r.status.Reused > 0:
		text += fmt.Sprintf("; %d built, %d reused", r.status.Built, r.status.Reused)
	case r.status.Built > 0:
		text += fmt.Sprintf("; %d built", r.status.Built)
	case r.status.Reused > 0:
		text += fmt.Sprintf("; nothing built, %d reused", r.status.Reused)
	}
	return text + r.approvedBy()
}

// became says what the stage is now.
func (r *run) became() string {
	spec := r.Release.Spec
	switch spec.Trigger {
	case v1alpha1.TriggerRollback:
		return "back at release " + spec.From + ", as " + spec.By + " asked"
	case v1alpha1.TriggerAutoRollback:
		return "back at release " + spec.From
	case v1alpha1.TriggerPromotion:
		return "live with the images of release " + spec.From
	case v1alpha1.TriggerRestart:
		return "restarted, as " + spec.By + " asked"
	case v1alpha1.TriggerScale:
		return "scaled, as " + spec.By + " asked (" + scaleText(r.Stage.Status.Scale) + ")"
	}
	return "live"
}
