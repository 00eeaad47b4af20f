package omit

import (
	"bytes"
	"fmt"
	"regexp"
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

// Namespaces returns the patch that deletes Namespaces from one base, where the tree
// may declare some: two services of a repository often bring the same one, which
// can't be put together first and left out then.
func Namespaces(files map[string][]byte) []types.Patch {
	kind := provided()[0]
	if !mentions(files, []resid.Gvk{kind}) {
		return nil
	}
	return patchesOf(ofKind(kustomization.Declarations(files), kind), kind, "$patch: delete")
}

// Omission is an object that is left out, or loses a field.
type Omission struct {
	kustomization.Declaration
	// What says what becomes of it, behind its name.
	What string
}

// Find returns what is left out of the objects that a tree declares, and the patches
// that do so. Nearly every chart and many a repository bring such objects.
func Find(files map[string][]byte) (patches []types.Patch, all []Omission) {
	if !mentions(files, append(provided(), account())) {
		return nil, nil
	}
	declared := kustomization.Declarations(files)
	omit := func(found []kustomization.Declaration, kind resid.Gvk, change, what string) {
		for _, d := range affected(declared, found) {
			all = append(all, Omission{d, what})
		}
		patches = append(patches, patchesOf(found, kind, change)...)
	}
	for _, kind := range provided() {
		omit(ofKind(declared, kind), kind, "$patch: delete", "is left out: Slipway makes the stage's own")
	}
	withSecrets := slices.DeleteFunc(ofKind(declared, account()), func(d kustomization.Declaration) bool { return !slices.Contains(d.Fields, "secrets") })
	omit(withSecrets, account(), "secrets: null", "has secrets, which is left out: pods may use every Secret of their stage")
	return patches, all
}

// ofKind returns the objects of a kind that are declared, patches left out.
func ofKind(declared []kustomization.Declaration, kind resid.Gvk) []kustomization.Declaration {
	return slices.DeleteFunc(slices.Clone(declared), func(d kustomization.Declaration) bool {
		return d.Kind != kind.Kind || d.IsPatch || groupOf(d.APIVersion) != kind.Group
	})
}

// affected returns the declarations that patches of some change: those, and what
// has the same kind and name in another group. Kustomize can't select the core
// group alone.
func affected(declared, found []kustomization.Declaration) []kustomization.Declaration {
	return slices.DeleteFunc(slices.Clone(declared), func(d kustomization.Declaration) bool {
		return d.IsPatch || !slices.ContainsFunc(found, func(f kustomization.Declaration) bool { return f.Kind == d.Kind && f.Name == d.Name })
	})
}

// patchesOf returns patches of objects of one kind by their names.
func patchesOf(found []kustomization.Declaration, kind resid.Gvk, change string) []types.Patch {
	var patches []types.Patch
	var names []string
	for _, d := range found {
		if slices.Contains(names, d.Name) {
			continue
		}
		names = append(names, d.Name)
		target := resid.ResId{Gvk: resid.Gvk{Group: kind.Group, Kind: kind.Kind}, Name: regexp.QuoteMeta(d.Name)}
		patches = append(patches, types.Patch{
			Patch:  fmt.Sprintf("{%s, apiVersion: %s, kind: %s, metadata: {name: any}}", change, kind.ApiVersion(), kind.Kind),
			Target: &types.Selector{ResId: target},
		})
	}
	return patches
}

// mentions reports whether a file may hold an object of one of the kinds.
func mentions(files map[string][]byte, kinds []resid.Gvk) bool {
	for _, data := range files {
		for _, kind := range kinds {
			if bytes.Contains(data, []byte(kind.Kind)) {
				return true
			}
		}
	}
	return false
}

func groupOf(apiVersion string) string {
	group, _, grouped := strings.Cut(apiVersion, "/")
	if !grouped {
		return ""
	}
	return group
}
