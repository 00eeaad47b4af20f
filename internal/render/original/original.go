package original

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// Kustomize returns the number of objects that kustomize build makes of a
// directory. It follows references to other machines.
func Kustomize(directory string) (objects int, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("kustomize stopped: %v", cause)
		}
	}()
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), directory)
	if err != nil {
		return 0, fmt.Errorf("kustomize build %s: %w", directory, err)
	}
	return made.Size(), nil
}

// Helm returns the number of objects that helm template makes of a chart, whose
// dependencies must be in it.
func Helm(ctx context.Context, directory, release, namespace string) (objects int, err error) {
	chart, err := loader.LoadDir(directory)
	if err != nil {
		return 0, fmt.Errorf("load chart %s: %w", directory, err)
	}
	if chart.Metadata.Type == "library" {
		return 0, errors.New("it is a library")
	}
	present := map[string]bool{}
	for _, child := range chart.Dependencies() {
		present[child.Name()] = true
	}
	for _, wanted := range chart.Metadata.Dependencies {
		if !present[wanted.Name] {
			return 0, fmt.Errorf("the dependency %s is missing in charts/", wanted.Name)
		}
	}
	values := map[string]any{}
	if err := chartutil.ProcessDependencies(chart, values); err != nil {
		return 0, fmt.Errorf("resolve the dependencies of %s: %w", directory, err)
	}
	top, err := util.ToRenderValues(chart, values, common.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}, nil)
	if err != nil {
		return 0, fmt.Errorf("merge the values of %s: %w", directory, err)
	}
	rendered, err := engine.Engine{}.RenderWithContext(ctx, chart, top)
	if err != nil {
		return 0, fmt.Errorf("render %s: %w", directory, err)
	}
	for name, text := range rendered {
		if path.Base(name) == "NOTES.txt" {
			continue
		}
		count, err := countObjects(text)
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", name, err)
		}
		objects += count
	}
	return objects, nil
}

// separator is what Helm splits a template's text at.
var separator = regexp.MustCompile(`(?m)^---[ \t]*`)

func countObjects(text string) (int, error) {
	count := 0
	for _, document := range separator.Split(text, -1) {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			return 0, err
		}
		if len(object) > 0 && strings.TrimSpace(document) != "" {
			count++
		}
	}
	return count, nil
}
