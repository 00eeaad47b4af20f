package helm

import (
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

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// kubernetesVersion is the version that charts see. It is fixed, so that a chart
// renders alike on a laptop and for any cluster.
const kubernetesVersion = "v1.34.0"

// Base renders the chart. It must run in a confined process: a template may
// recurse without end.
func (Source) Base(ctx context.Context, s source.Service, files map[string][]byte) (source.Base, error) {
	loaded, err := load(files, s)
	if err != nil {
		return source.Base{}, err
	}
	values, err := mergeValues(files, s)
	if err != nil {
		return source.Base{}, err
	}
	if err := checkDependencies(loaded, s); err != nil {
		return source.Base{}, err
	}
	if err := chartutil.ProcessDependencies(loaded, values); err != nil {
		return source.Base{}, refuse(s, "its dependencies can't be resolved: %v; correct Chart.yaml", err)
	}
	rendered, err := execute(ctx, loaded, values, s)
	if err != nil {
		return source.Base{}, err
	}
	base, err := sortOut(rendered, s)
	if err != nil {
		return source.Base{}, err
	}
	if len(loaded.CRDObjects()) > 0 {
		base.Warnings = append(base.Warnings, fmt.Sprintf("service %s: the custom resource definitions in the chart's crds directory are left out; they belong to the whole cluster, so its administrator installs them", s.Name))
	}
	return base, nil
}

func refuse(s source.Service, format string, args ...any) error {
	return fault.New(fault.Invalid, "service %s: chart %s: %s", s.Name, s.Spec.Helm.Chart, fmt.Sprintf(format, args...))
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

// mergeValues lays the values files and then the inline values over each
// other; the chart's own come below them all.
func mergeValues(files map[string][]byte, s source.Service) (map[string]any, error) {
	values := map[string]any{}
	for _, ref := range s.Spec.Helm.Values {
		name := path.Clean(ref)
		layer, err := loader.LoadValues(strings.NewReader(string(files[name])))
		if err != nil {
			return nil, tree.Place{File: name}.Refuse("these are no values: %s; correct the syntax", brief(err))
		}
		values = loader.MergeMaps(values, layer)
	}
	return loader.MergeMaps(values, s.Spec.Helm.Set), nil
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
		return refuse(s, "the dependencies %s are not in its charts directory, and nothing is downloaded; run `helm dependency update` and commit them", strings.Join(missing, ", "))
	}
	return nil
}

func execute(ctx context.Context, loaded *chart.Chart, values map[string]any, s source.Service) (map[string]string, error) {
	release := common.ReleaseOptions{Name: s.Name, Namespace: s.Namespace, Revision: 1, IsInstall: true}
	version, err := common.ParseKubeVersion(kubernetesVersion)
	if err != nil {
		return nil, fmt.Errorf("parse the version that charts see: %w", err)
	}
	if wanted := loaded.Metadata.KubeVersion; wanted != "" && !chartutil.IsCompatibleRange(wanted, version.String()) {
		return nil, refuse(s, "it wants Kubernetes %s, but charts are rendered for %s; use a version of the chart that allows it", wanted, version)
	}
	capabilities := common.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	top, err := util.ToRenderValues(loaded, values, release, capabilities)
	if err != nil {
		return nil, refuse(s, "its values are wrong: %s; correct helm.values or helm.set", brief(err))
	}
	templates := engine.Engine{CustomTemplateFuncs: functions()}
	rendered, err := templates.RenderWithContext(ctx, loaded, top)
	if err != nil {
		return nil, refuse(s, "%s; correct the template or the values it needs", brief(err))
	}
	return rendered, nil
}

// brief makes an error of Helm fit for a message: one line, bounded.
func brief(err error) string {
	const most = 600
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
