package helm

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"

	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Base renders the chart. It must run in a confined process: a template may
// recurse without end.
func (Source) Base(ctx context.Context, s source.Service, files map[string][]byte) (source.Base, error) {
	made, err := stable(ctx, s, files)
	if err != nil {
		return source.Base{}, err
	}
	base := source.Base{Warnings: made.warnings}
	generated, warning, err := made.markGenerated(s)
	if err != nil {
		return source.Base{}, err
	}
	if base.Generated = generated; warning != "" {
		base.Warnings = append(base.Warnings, warning)
	}
	if base.Files, err = manifests(made.objects, s); err != nil {
		return source.Base{}, err
	}
	return base, nil
}

// rendering is a chart as it was rendered once.
type rendering struct {
	objects  []object
	warnings []string
	calls    []call // of random functions
	// generated are the fields that are not so for another seed.
	generated []leaf
}

// render renders the chart once. It loads it anew: templates change values.
func render(ctx context.Context, s source.Service, files map[string][]byte, g *generator) (rendering, error) {
	loaded, err := load(files, s)
	if err != nil {
		return rendering{}, err
	}
	values, err := mergeValues(files, s)
	if err != nil {
		return rendering{}, err
	}
	if err := checkDependencies(loaded, s); err != nil {
		return rendering{}, err
	}
	if err := chartutil.ProcessDependencies(loaded, values); err != nil {
		return rendering{}, refuse(s, "its dependencies can't be resolved: %s; correct Chart.yaml", brief(err))
	}
	rendered, err := execute(ctx, loaded, values, s, g)
	if err != nil {
		return rendering{}, err
	}
	made := rendering{calls: g.calls}
	if made.objects, made.warnings, err = sortOut(rendered, s); err != nil {
		return rendering{}, err
	}
	if len(loaded.CRDObjects()) > 0 {
		made.warnings = append(made.warnings, fmt.Sprintf("service %s: the custom resource definitions in the chart's crds directory are left out; they belong to the whole cluster, so its administrator installs them", s.Name))
	}
	return made, nil
}

// manifests returns a file for each template that made objects.
func manifests(objects []object, s source.Service) ([]source.Manifest, error) {
	var files []source.Manifest
	for i, o := range objects {
		text, err := o.node.String()
		if err != nil {
			return nil, refuse(s, "the object in %s can't be written: %s", inRepository(o.file, s), brief(err))
		}
		if i > 0 && o.file == objects[i-1].file {
			last := &files[len(files)-1]
			last.Data = append(append(last.Data, "---\n"...), text...)
			continue
		}
		files = append(files, source.Manifest{
			Name: fmt.Sprintf("%03d-%s.yaml", len(files), strings.TrimSuffix(path.Base(o.file), path.Ext(o.file))),
			Data: []byte(text), From: inRepository(o.file, s),
		})
	}
	return files, nil
}

func load(files map[string][]byte, s source.Service) (*chart.Chart, error) {
	dir := path.Clean(s.Spec.Helm.Chart)
	var buffered []*archive.BufferedFile
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if inside, ok := strings.CutPrefix(name, dir+"/"); ok {
			buffered = append(buffered, &archive.BufferedFile{Name: inside, Data: files[name]})
		}
	}
	if len(buffered) == 0 {
		return nil, refuse(s, "it has no files; correct helm.chart")
	}
	loaded, err := loader.LoadFiles(buffered)
	if err != nil {
		return nil, refuse(s, "it can't be loaded: %s; correct it", brief(err))
	}
	if loaded.Metadata.Type == "library" {
		return nil, refuse(s, "it is a library, which has no objects of its own; name a chart that uses it")
	}
	sortDependencies(loaded)
	return loaded, checkSchemas(loaded, dir)
}

// sortDependencies undoes the random order in which subcharts are loaded.
func sortDependencies(c *chart.Chart) {
	children := c.Dependencies()
	slices.SortFunc(children, func(a, b *chart.Chart) int { return strings.Compare(a.Name(), b.Name()) })
	c.SetDependencies(children...)
	for _, child := range children {
		sortDependencies(child)
	}
}

// checkDependencies wants every dependency to be in the chart.
func checkDependencies(loaded *chart.Chart, s source.Service) error {
	present := map[string]bool{}
	for _, child := range loaded.Dependencies() {
		present[child.Name()] = true
	}
	var missing []string
	for _, wanted := range loaded.Metadata.Dependencies {
		if wanted != nil && !present[wanted.Name] {
			missing = append(missing, wanted.Name)
		}
	}
	if len(missing) > 0 {
		return refuse(s, "its charts directory lacks %s, and nothing is downloaded; run `helm dependency update` and commit what it brings", strings.Join(missing, ", "))
	}
	return nil
}

func execute(ctx context.Context, loaded *chart.Chart, values map[string]any, s source.Service, g *generator) (map[string]string, error) {
	release := common.ReleaseOptions{Name: s.Name, Namespace: s.Namespace, Revision: 1, IsInstall: true}
	capabilities, err := capabilitiesFor(s)
	if err != nil {
		return nil, err
	}
	if wanted := loaded.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, capabilities.KubeVersion.String()) {
		return nil, refuse(s, "it wants Kubernetes %s, but %s; use a version of the chart that allows it", wanted, whichVersion(s))
	}
	top, err := util.ToRenderValues(loaded, values, release, capabilities)
	if err != nil {
		return nil, refuse(s, "its values are wrong: %s; correct helm.values or helm.set", brief(err))
	}
	templates := engine.Engine{CustomTemplateFuncs: g.functions()}
	rendered, err := templates.RenderWithContext(ctx, loaded, top)
	if err != nil {
		return nil, refuse(s, "%s; correct the template or the values it needs", strings.ReplaceAll(brief(err), loaded.Name()+"/templates/", path.Join(s.Spec.Helm.Chart, "templates")+"/"))
	}
	return rendered, nil
}

// capabilitiesFor returns what the chart sees of the cluster.
func capabilitiesFor(s source.Service) (*common.Capabilities, error) {
	capabilities := common.DefaultCapabilities.Copy()
	version, err := common.ParseKubeVersion(cmp.Or(s.Capabilities.Version, source.DefaultVersion))
	if err != nil {
		return nil, refuse(s, "%s is no version of Kubernetes; correct status.version of the Cluster", tree.Quote(s.Capabilities.Version))
	}
	capabilities.KubeVersion = *version
	if len(s.Capabilities.APIs) > 0 {
		capabilities.APIVersions = slices.Clone(s.Capabilities.APIs)
	}
	return capabilities, nil
}

// whichVersion says which version of Kubernetes the chart sees, and why.
func whichVersion(s source.Service) string {
	if s.Capabilities.Version == "" {
		return "no cluster is known here, and charts are then rendered for " + source.DefaultVersion
	}
	return "the cluster has " + s.Capabilities.Version
}
