package source

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

// maxKubernetes is how many charts, and how many Kustomize directories, are
// taken.
const maxKubernetes = 30

// maxKustomizations is how many Kustomize directories are looked at.
const maxKustomizations = 1000

// kustomization is what matters here of a kustomization file.
type kustomization struct {
	Kind       string   `yaml:"kind"`
	Resources  []string `yaml:"resources"`
	Bases      []string `yaml:"bases"`
	Components []string `yaml:"components"`
}

// Kustomizations returns the Kustomize directories that no other one refers
// to. Of several variants of one thing it takes that for production, and names
// the others.
func Kustomizations(t *files.Tree) (services []found.Service, left []found.Left) {
	known, referred := kustomizations(t)
	groups := map[string][]string{}
	var order []string
	for _, dir := range t.Directories() {
		k, is := known[dir]
		if !is || referred[dir] || k.Kind == "Component" {
			continue
		}
		group := variantOf(dir, k)
		if groups[group] == nil {
			order = append(order, group)
		}
		groups[group] = append(groups[group], dir)
	}
	for _, group := range order {
		variants := groups[group]
		slices.SortStableFunc(variants, func(a, b string) int { return production(path.Base(a)) - production(path.Base(b)) })
		if len(services) == maxKubernetes {
			left = append(left, found.Left{Where: variants[0], Reason: "there are more Kustomize directories than are taken at once: add kustomize: " + variants[0]})
			continue
		}
		services = append(services, found.Service{Name: serviceOf(variants[0]), Why: variants[0] + ", a Kustomize directory", Spec: project.Service{Kustomize: variants[0]}})
		for _, other := range variants[1:] {
			left = append(left, found.Left{Where: other, Reason: "it is another variant of " + variants[0] + ": a stage of its own takes it with stages: {STAGE: {kustomize: " + other + "}}"})
		}
	}
	return services, left
}

// kustomizations returns all Kustomize directories, and which of them others
// refer to.
func kustomizations(t *files.Tree) (known map[string]kustomization, referred map[string]bool) {
	known, referred = map[string]kustomization{}, map[string]bool{}
	for _, dir := range t.Directories() {
		at := files.Dir{Tree: t, Path: dir}
		name := at.First("kustomization.yaml", "kustomization.yml", "Kustomization")
		var k kustomization
		if name == "" || len(known) == maxKustomizations || Purpose(dir) != "" && strings.Contains(dir, "test") {
			continue
		}
		if err := yaml.Unmarshal([]byte(at.Text(name)), &k); err == nil {
			known[dir] = k
		}
	}
	for dir, k := range known {
		for _, other := range slices.Concat(k.Resources, k.Bases, k.Components) {
			referred[path.Join(dir, other)] = true
		}
	}
	return known, referred
}

// Bases returns the Kustomize directories that one refers to.
func Bases(t *files.Tree, dir string) []found.Service {
	at := files.Dir{Tree: t, Path: dir}
	var k kustomization
	if err := yaml.Unmarshal([]byte(at.Text(at.First("kustomization.yaml", "kustomization.yml", "Kustomization"))), &k); err != nil {
		return nil
	}
	var all []found.Service
	for _, other := range slices.Concat(k.Resources, k.Bases) {
		base := path.Join(dir, other)
		if below := (files.Dir{Tree: t, Path: base}); len(all) < maxKubernetes && below.First("kustomization.yaml", "kustomization.yml", "Kustomization") != "" {
			all = append(all, found.Service{Name: serviceOf(base), Why: base + ", a Kustomize directory", Spec: project.Service{Kustomize: base}})
		}
	}
	return all
}

// variantOf returns what a directory is a variant of: those that refer to the
// same base, or lie beside each other below overlays.
func variantOf(dir string, k kustomization) string {
	if slices.Contains([]string{"overlays", "environments", "envs", "stages", "variants", "env"}, path.Base(path.Dir(dir))) {
		return path.Dir(dir)
	}
	for _, other := range slices.Concat(k.Bases, k.Resources) {
		if strings.HasPrefix(other, "../") && !strings.Contains(other, ".yaml") && !strings.Contains(other, ".yml") {
			return path.Dir(dir) + "\x00" + path.Join(dir, other)
		}
	}
	return dir
}

// serviceOf makes a service's name of a directory.
func serviceOf(dir string) string {
	parts := strings.Split(dir, "/")
	parts = slices.DeleteFunc(parts, func(part string) bool {
		return slices.Contains([]string{"overlays", "overlay", "base", "kustomize", "kustomization", "deploy", "deployment", "k8s", "kubernetes", "manifests", "charts", "chart", "helm", "environments", "envs", "env", "production", "prod", "."}, part)
	})
	if len(parts) == 0 {
		return "kubernetes"
	}
	return found.Name(parts[len(parts)-1])
}

// chart is what matters here of a Chart.yaml.
type chart struct {
	Name string `yaml:"name"`
	Type string `yaml:"type"`
}

// Charts returns the charts of a repository that are no parts of others.
func Charts(t *files.Tree) (services []found.Service, left []found.Left) {
	var all []string
	for _, dir := range t.Directories() {
		at := files.Dir{Tree: t, Path: dir}
		if !at.Has("Chart.yaml") || slices.ContainsFunc(all, func(above string) bool { return strings.HasPrefix(dir, above+"/") || above == "." }) {
			continue
		}
		var c chart
		if err := yaml.Unmarshal([]byte(at.Text("Chart.yaml")), &c); err != nil || c.Type == "library" {
			continue
		}
		all = append(all, dir)
		if len(services) == maxKubernetes {
			left = append(left, found.Left{Where: dir, Reason: "there are more charts than are taken at once: add helm: {chart: " + dir + "}"})
			continue
		}
		name := serviceOf(dir)
		if dir == "." {
			name = found.Name(c.Name)
		}
		services = append(services, found.Service{Name: name, Why: path.Join(dir, "Chart.yaml"), Spec: project.Service{Helm: &project.Helm{Chart: dir}}})
	}
	return services, left
}

// object finds the kinds of objects that people deploy.
var object = regexp.MustCompile(`(?m)^kind:\s*["']?(Deployment|StatefulSet|DaemonSet|CronJob|Job|Service|Ingress|Rollout)["']?\s*$`)

// maxManifests is how many YAML files are looked into.
const maxManifests = 2000

// Manifests returns the directories of Kubernetes manifests that no
// kustomization and no chart holds.
func Manifests(t *files.Tree) []string {
	var all []string
	looked := 0
	for _, dir := range t.Directories() {
		at := files.Dir{Tree: t, Path: dir}
		if at.First("kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml") != "" || path.Base(dir) == "templates" {
			continue
		}
		for _, name := range slices.Concat(at.Match("*.yaml"), at.Match("*.yml")) {
			if looked++; looked > maxManifests {
				return all
			}
			text := at.Text(name)
			if strings.Contains(text, "apiVersion:") && object.MatchString(text) && !strings.Contains(text, "{{") {
				all = append(all, dir)
				break
			}
		}
	}
	return all
}
