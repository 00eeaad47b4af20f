package helm

import (
	"errors"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"

	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

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
	set, paths := map[string]any{}, map[string]any{}
	for key, value := range s.Spec.Helm.Set {
		if strings.ContainsAny(key, `.[]\`) {
			paths[key] = value
		} else {
			set[key] = value
		}
	}
	values = loader.MergeMaps(values, set)
	for _, key := range slices.Sorted(maps.Keys(paths)) {
		if err := setPath(values, key, paths[key]); err != nil {
			return nil, s.Place("helm.set").Refuse("%s is no path of a value: %s; write it as for helm's --set, image.tag say", tree.Quote(key), brief(err))
		}
	}
	return values, nil
}

// valuePath is a path of a value.
var valuePath = regexp.MustCompile(`^([^\[\].\\]|\\.)+(\[\d+\])*(\.([^\[\].\\]|\\.)+(\[\d+\])*)*$`)

// setPath sets a value at a path as helm's --set writes it: image.tag,
// hosts[0].name, and node\.name for a name with a dot.
func setPath(values map[string]any, at string, value any) error {
	if !valuePath.MatchString(at) {
		return errors.New("a bracket, a dot or a backslash stands for nothing")
	}
	literal := strings.NewReplacer("=", `\=`, ",", `\,`).Replace(at)
	return strvals.ParseIntoFile(literal+"=value", values, func([]rune) (any, error) { return value, nil })
}
