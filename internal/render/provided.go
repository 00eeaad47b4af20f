package render

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"

	"github.com/slipway-dev/slipway/internal/render/kustomization"
)

// provided are the kinds of which Slipway makes a stage's own.
func provided() []resid.Gvk {
	return []resid.Gvk{
		{Version: "v1", Kind: "Namespace"},
		{Version: "v1", Kind: "ResourceQuota"},
		{Version: "v1", Kind: "LimitRange"},
		{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"},
	}
}

// leaveOutProvided returns patches that delete what Slipway makes itself, and warns
// of each such object: nearly every chart and many a repository bring one.
func (l *layout) leaveOutProvided() []types.Patch {
	if !l.mentionsProvided() {
		return nil
	}
	var patches []types.Patch
	declared := kustomization.Declarations(l.tree)
	for _, kind := range provided() {
		found := false
		for _, d := range declared {
			if d.Kind != kind.Kind || d.IsPatch || groupOf(d.APIVersion) != kind.Group {
				continue
			}
			found = true
			l.warnings = append(l.warnings, fmt.Sprintf("%s: %s is left out: Slipway makes the stage's own", l.place(d), d))
		}
		if found {
			patches = append(patches, types.Patch{
				Patch:  fmt.Sprintf("{$patch: delete, apiVersion: %s, kind: %s, metadata: {name: any}}", kind.ApiVersion(), kind.Kind),
				Target: &types.Selector{ResId: resid.ResId{Gvk: resid.Gvk{Group: kind.Group, Kind: kind.Kind}}},
			})
		}
	}
	return patches
}

// mentionsProvided reports whether a file may hold what Slipway makes itself.
func (l *layout) mentionsProvided() bool {
	for _, data := range l.tree {
		for _, kind := range provided() {
			if bytes.Contains(data, []byte(kind.Kind)) {
				return true
			}
		}
	}
	return false
}

// place returns where the repository has a declaration.
func (l *layout) place(d kustomization.Declaration) string {
	if name, found := strings.CutPrefix(d.At.File, repoDir+"/"); found {
		d.At.File = name
		return d.At.String()
	}
	return cmp.Or(l.source(d.At.File), d.At.File) // a template, which has other lines
}

func groupOf(apiVersion string) string {
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		return ""
	}
	return group
}
