package render

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
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

// account is the kind whose field secrets is left out.
func account() resid.Gvk { return resid.Gvk{Version: "v1", Kind: "ServiceAccount"} }

// leaveOut returns patches that delete what a stage may not hold and nobody misses,
// and warns of each: nearly every chart and many a repository bring such objects.
func (l *layout) leaveOut() []types.Patch {
	if !l.mentions(append(provided(), account())) {
		return nil
	}
	var patches []types.Patch
	declared := kustomization.Declarations(l.tree)
	for _, kind := range provided() {
		if found := ofKind(declared, kind); len(found) > 0 {
			l.warn(found, "is left out: Slipway makes the stage's own")
			patches = append(patches, patchAll(kind, "$patch: delete"))
		}
	}
	withSecrets := slices.DeleteFunc(ofKind(declared, account()), func(d kustomization.Declaration) bool { return !slices.Contains(d.Fields, "secrets") })
	if len(withSecrets) > 0 {
		l.warn(withSecrets, "has secrets, which is left out: pods may use every Secret of their stage")
		patches = append(patches, patchAll(account(), "secrets: null"))
	}
	return patches
}

// ofKind returns the objects of a kind that are declared, patches left out.
func ofKind(declared []kustomization.Declaration, kind resid.Gvk) []kustomization.Declaration {
	return slices.DeleteFunc(slices.Clone(declared), func(d kustomization.Declaration) bool {
		return d.Kind != kind.Kind || d.IsPatch || groupOf(d.APIVersion) != kind.Group
	})
}

func (l *layout) warn(about []kustomization.Declaration, what string) {
	for _, d := range about {
		l.warnings = append(l.warnings, fmt.Sprintf("%s: %s %s", l.place(d), d, what))
	}
}

// patchAll returns a patch of all objects of a kind.
func patchAll(kind resid.Gvk, change string) types.Patch {
	return types.Patch{
		Patch:  fmt.Sprintf("{%s, apiVersion: %s, kind: %s, metadata: {name: any}}", change, kind.ApiVersion(), kind.Kind),
		Target: &types.Selector{ResId: resid.ResId{Gvk: resid.Gvk{Group: kind.Group, Kind: kind.Kind}}},
	}
}

// mentions reports whether a file may hold an object of one of the kinds.
func (l *layout) mentions(kinds []resid.Gvk) bool {
	for _, data := range l.tree {
		for _, kind := range kinds {
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
