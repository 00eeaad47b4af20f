package detect

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/detect/source"
	"github.com/slipway-dev/slipway/internal/project"
)

const (
	// maxServices is how many programs become services.
	maxServices = 20
	// maxSets is how many sets of Compose files are tried.
	maxSets = 8
)

// search finds what can be deployed: the Compose file at the top and the
// program that it helps, else programs, else Compose files below, else what is
// written for Kubernetes. What is found besides is named.
func (m *maker) search(ctx context.Context) error {
	sets := source.ComposeSets(m.tree)
	dockerfiles := source.Dockerfiles(m.tree)
	m.see("Compose file", "Compose files", paths(sets, func(s source.ComposeSet) string { return s.Files[0] }))
	m.see("Dockerfile", "Dockerfiles", paths(dockerfiles, func(d source.Dockerfile) string { return d.Path }))
	top := slices.IndexFunc(sets, func(s source.ComposeSet) bool { return path.Dir(s.Files[0]) == "." && s.Purpose == "" })
	var composed source.Composed
	if top >= 0 {
		var err error
		if composed, err = m.composeAt(ctx, sets[top]); err != nil {
			return err
		}
		sets = slices.Delete(slices.Clone(sets), top, top+1)
	}
	p := programs{maker: m, dockerfiles: dockerfiles, builds: composed.Builds}
	switch {
	case len(composed.Builds) > 0 && len(m.services) > 0:
		p.nameDockerfiles("no service of the Compose file is built from it: add build: {context: …} to slipway.yaml if it is one of its own")
	case m.published(composed.Images) != "" && len(m.services) > 0:
		p.nameDockerfiles("the Compose file runs the published image " + m.published(composed.Images) + ": take the service out of compose.services and add build: {context: …} to build it instead")
	default:
		p.find()
	}
	if err := m.composeBelow(ctx, sets); err != nil {
		return err
	}
	if err := m.kubernetes(ctx); err != nil {
		return err
	}
	m.otherPlatforms()
	return nil
}

func paths[T any](all []T, of func(T) string) []string {
	var names []string
	for _, one := range all {
		names = append(names, of(one))
	}
	return names
}

// see records what was found of a kind.
func (m *maker) see(kind, plural string, names []string) {
	switch {
	case len(names) == 0:
	case len(names) == 1:
		m.seen = append(m.seen, "a "+kind+": "+names[0])
	default:
		more := ""
		if len(names) > 3 {
			more = ", …"
		}
		m.seen = append(m.seen, fmt.Sprintf("%d %s: %s%s", len(names), plural, strings.Join(names[:min(len(names), 3)], ", "), more))
	}
}

// composeAt takes a set of Compose files, or what of it is allowed: as it is
// meant for production, else its first file alone, else with its override.
func (m *maker) composeAt(ctx context.Context, set source.ComposeSet) (source.Composed, error) {
	tries := []source.ComposeSet{set}
	if len(set.Files) > 1 {
		tries = append(tries, set.Base())
	}
	if override, is := set.Override(); is {
		tries = append(tries, override)
	}
	var first []found.Left
	for i, one := range tries {
		composed, err := source.Compose(ctx, m.tree, one, false)
		if err != nil {
			return source.Composed{}, err
		}
		services := composed.Native
		if composed.Rest != nil {
			services = append(services, *composed.Rest)
		}
		before := len(m.left)
		m.left = append(m.left, composed.Left...)
		if err := m.accept(ctx, services); err != nil {
			return source.Composed{}, err
		}
		if len(m.services) > 0 {
			for _, beside := range one.Beside {
				m.leave(beside, "another Compose file beside %s: to take it, too, list it in compose.files", one.Files[0])
			}
			return composed, nil
		}
		if i == 0 {
			first = slices.Clone(m.left[before:])
		}
		m.left = m.left[:before]
	}
	m.left = append(m.left, first...)
	return source.Composed{}, nil
}

// composeBelow takes the Compose file below the top of which the most is
// allowed, when nothing else was found, and names the others.
func (m *maker) composeBelow(ctx context.Context, sets []source.ComposeSet) error {
	best, chosen := -1, -1
	if len(m.services) == 0 {
		tried := 0
		for i, set := range sets {
			if set.Purpose != "" || tried == maxSets {
				continue
			}
			tried++
			trial := *m
			trial.left = nil
			if _, err := trial.composeAt(ctx, set); err != nil {
				return err
			}
			if score := trial.taken(ctx)*1000 - len(trial.left); len(trial.services) > 0 && score > best {
				best, chosen = score, i
			}
		}
	}
	for i, set := range sets {
		name := set.Files[0]
		switch {
		case i == chosen:
			if _, err := m.composeAt(ctx, set); err != nil {
				return err
			}
		case set.Purpose != "":
			m.leave(name, "by its name it is for development or tests (%s): slipway init --from compose --file %s takes it all the same", set.Purpose, name)
		default:
			m.leave(name, "another Compose file: slipway init --from compose --file %s takes it instead", name)
		}
	}
	return nil
}

// taken counts the services that run.
func (m *maker) taken(ctx context.Context) int {
	count := 0
	for _, service := range m.services {
		count += max(1, len(m.composed(ctx, service)))
	}
	return count
}

// published returns the image of a Compose file that is the project itself, by
// its name, empty when there is none.
func (m *maker) published(images []string) string {
	name := found.ProjectName(m.about.Name)
	for _, image := range images {
		reference, _, _ := strings.Cut(image, "@")
		parts := strings.Split(reference, "/")
		last, _, _ := strings.Cut(parts[len(parts)-1], ":")
		parts[len(parts)-1] = last
		for _, part := range parts {
			if len(name) > 3 && (part == name || strings.HasPrefix(part, name+"-")) {
				return image
			}
		}
	}
	return ""
}

// kubernetes takes charts, Kustomize directories and manifests when nothing
// else was found, and names them otherwise.
func (m *maker) kubernetes(ctx context.Context) error {
	charts, leftCharts := source.Charts(m.tree)
	kustomizations, leftKustomizations := source.Kustomizations(m.tree)
	manifests := source.Manifests(m.tree)
	m.see("chart", "charts", paths(charts, func(s found.Service) string { return s.Spec.Helm.Chart }))
	m.see("Kustomize directory", "Kustomize directories", paths(kustomizations, func(s found.Service) string { return s.Spec.Kustomize }))
	m.see("directory of manifests", "directories of manifests", manifests)
	all := slices.Concat(charts, kustomizations)
	if len(m.services) > 0 {
		for _, service := range all {
			key, where := "helm: {chart: "+chartOf(service)+"}", chartOf(service)
			if service.Spec.Helm == nil {
				key, where = "kustomize: "+service.Spec.Kustomize, service.Spec.Kustomize
			}
			m.leave(where, "what is taken is deployed without it: a service with %s in slipway.yaml takes it instead", key)
		}
	} else {
		m.left = append(m.left, slices.Concat(leftCharts, leftKustomizations)...)
		if err := m.accept(ctx, all); err != nil {
			return err
		}
		if err := m.acceptBases(ctx, kustomizations); err != nil {
			return err
		}
	}
	for _, dir := range manifests {
		if len(m.services) > 0 {
			m.leave(dir, "Kubernetes manifests without a kustomization.yaml: add one that lists them, and a service with kustomize: %s, to deploy them as they are", dir)
			continue
		}
		if err := m.accept(ctx, []found.Service{m.plain(dir)}); err != nil {
			return err
		}
	}
	return nil
}

// acceptBases takes what refused Kustomize directories refer to, where that is
// allowed alone.
func (m *maker) acceptBases(ctx context.Context, kustomizations []found.Service) error {
	for _, refused := range kustomizations {
		if slices.ContainsFunc(m.services, func(s found.Service) bool { return s.Spec.Kustomize == refused.Spec.Kustomize }) {
			continue
		}
		for _, base := range source.Bases(m.tree, refused.Spec.Kustomize) {
			if slices.ContainsFunc(m.services, func(s found.Service) bool { return s.Spec.Kustomize == base.Spec.Kustomize }) {
				continue
			}
			if err := m.accept(ctx, []found.Service{base}); err != nil {
				return err
			}
		}
	}
	return nil
}

func chartOf(service found.Service) string {
	if service.Spec.Helm == nil {
		return ""
	}
	return service.Spec.Helm.Chart
}

// plain makes a Kustomize directory of one with manifests.
func (m *maker) plain(dir string) found.Service {
	at := files.Dir{Tree: m.tree, Path: dir}
	var text strings.Builder
	text.WriteString("# The manifests of this directory, for slipway.yaml.\nresources:\n")
	for _, name := range slices.Concat(at.Match("*.yaml"), at.Match("*.yml")) {
		if content := at.Text(name); strings.Contains(content, "apiVersion:") && strings.Contains(content, "kind:") {
			text.WriteString("  - " + scalar(name) + "\n")
		}
	}
	name := path.Base(dir)
	if dir == "." {
		name = m.about.Name
	}
	service := found.Service{Name: found.Name(name), Why: dir + ", Kubernetes manifests", Spec: project.Service{Kustomize: dir}}
	service.Write(path.Join(dir, "kustomization.yaml"), []byte(text.String()))
	return service
}

// otherPlatforms says which files of other platforms can be converted.
func (m *maker) otherPlatforms() {
	for _, one := range [][2]string{{"render.yaml", "render.yaml"}, {"app.json", "app.json"}} {
		if m.tree.Has(one[0]) && (one[0] != "app.json" || strings.Contains(m.tree.Text("app.json"), `"formation"`) || strings.Contains(m.tree.Text("app.json"), `"addons"`)) {
			m.hint("%s is there: slipway init --from %s takes what it says", one[0], one[1])
		}
	}
	if names := (files.Dir{Tree: m.tree, Path: ".mogenius"}).Match("*.yaml"); len(names) > 0 {
		m.hint(".mogenius/%s is there: slipway init --from mogenius takes what it says", names[0])
	}
	for _, name := range []string{"fly.toml", "railway.json", "railway.toml", "vercel.json", "netlify.toml", "skaffold.yaml", "helmfile.yaml", "app.yaml", "heroku.yml", "captain-definition", "nixpacks.toml", ".do/app.yaml", "score.yaml"} {
		if m.tree.Has(name) {
			m.leave(name, "it is another platform's, and is not read: take over by hand what only it says")
		}
	}
}
