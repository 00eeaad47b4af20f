package convert

import (
	"context"
	"path"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/project"
)

// maxReleases is how many HelmReleases are converted.
const maxReleases = 50

// helmReleaseFiles returns the files with a HelmRelease.
func helmReleaseFiles(t *files.Tree) []string {
	var all []string
	for _, name := range t.Below(".", 20_000) {
		if extension := path.Ext(name); extension != ".yaml" && extension != ".yml" || len(all) == maxReleases {
			continue
		}
		if text := t.Text(name); strings.Contains(text, "kind: HelmRelease") && strings.Contains(text, "helm.toolkit.fluxcd.io") {
			all = append(all, name)
		}
	}
	return all
}

// fromHelmReleases makes services of Flux's HelmReleases.
func fromHelmReleases(_ context.Context, c *conversion) error {
	for _, name := range c.names {
		documents, err := c.documents(name)
		if err != nil {
			return err
		}
		for _, m := range documents {
			if m.text("kind") == "HelmRelease" {
				c.helmRelease(m)
			}
		}
	}
	return nil
}

// helmRelease takes one HelmRelease whose chart is in the repository.
func (c *conversion) helmRelease(m mapping) {
	name, spec := m.mapping("metadata").text("name"), m.mapping("spec")
	source := spec.mapping("chart").mapping("spec")
	given := source.text("chart")
	if reference := spec.mapping("chartRef"); reference.text("name") != "" {
		reference.leave("name", "charts are taken from the repository: vendor it with helm pull --untar into charts/%s, and convert again", found.Name(name))
		return
	}
	chart := c.chart(given)
	if chart == "" {
		source.leave("chart", "the chart %.80s %s is not in the repository: vendor it with helm pull --untar into charts/%s, and convert again", given, source.text("version"), path.Base(clean(given)))
		return
	}
	service := found.Service{Name: found.Name(name), Why: m.file + ", HelmRelease " + name, Spec: project.Service{Helm: &project.Helm{Chart: chart}}}
	for _, values := range source.texts("valuesFiles") {
		if file := clean(values); c.tree.Has(file) {
			service.Spec.Helm.Values = append(service.Spec.Helm.Values, file)
		} else {
			source.leave("valuesFiles", "%.100s is not in the repository", values)
		}
	}
	if set, is := spec.value("values").(map[string]any); is && len(set) > 0 {
		service.Spec.Helm.Set = set
	}
	source.text("version")
	source.rest(map[string]string{"sourceRef": "", "interval": "", "reconcileStrategy": "", "verify": "what is in the repository is verified by its commit"})
	spec.rest(map[string]string{
		"interval": "each push is released at once", "chart": "", "releaseName": "the service's name stands for it", "targetNamespace": "a stage has a namespace of its own", "storageNamespace": "nothing is stored in the cluster by Helm",
		"timeout": "deadline of the service says how long is waited", "install": "Slipway applies what the chart renders", "upgrade": "Slipway applies what the chart renders", "uninstall": "what is no longer rendered is deleted",
		"rollback": "rollback of the stage decides it", "test": "tests of charts are not run", "dependsOn": "services of a stage start together, and wait for each other", "suspend": "slipway pause stops releases of a stage",
		"valuesFrom": "values of ConfigMaps and Secrets of a cluster are not read: commit what isn't secret, and let the chart use an existing Secret", "postRenderers": "an overlay of the stage changes what is rendered", "maxHistory": "",
		"driftDetection": "drift is found and repaired", "serviceAccountName": "a stage has a service account of its own", "kubeConfig": "a Project says which cluster it is on", "persistentClient": "", "commonMetadata": "an overlay of the stage adds labels",
	})
	c.Services = append(c.Services, service)
}

// chart returns the directory of a chart that is in the repository, empty when
// it isn't.
func (c *conversion) chart(given string) string {
	for _, dir := range []string{clean(given), "charts/" + path.Base(clean(given))} {
		if given != "" && c.tree.Has(path.Join(dir, "Chart.yaml")) {
			return dir
		}
	}
	return ""
}
