package render

import (
	"fmt"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// pullPatches let the pods of every object pull their images with a Secret of
// the stage, besides those that they name themselves: an image of the project
// may stand in a chart or in the repository's own manifests too.
func pullPatches(secret string) []types.Patch {
	if secret == "" {
		return nil
	}
	spec := fmt.Sprintf("{imagePullSecrets: [{name: %q}]}", secret)
	patch := func(group, kind, body string) types.Patch {
		gvk := resid.Gvk{Group: group, Version: "v1", Kind: kind}
		return types.Patch{
			Patch:  fmt.Sprintf("{apiVersion: %s, kind: %s, metadata: {name: any}, spec: %s}", gvk.ApiVersion(), kind, body),
			Target: &types.Selector{ResId: resid.ResId{Gvk: resid.Gvk{Group: group, Kind: kind}}},
		}
	}
	template := "{template: {spec: " + spec + "}}"
	return []types.Patch{
		patch("apps", "Deployment", template),
		patch("apps", "StatefulSet", template),
		patch("apps", "DaemonSet", template),
		patch("apps", "ReplicaSet", template),
		patch("batch", "Job", template),
		patch("batch", "CronJob", "{jobTemplate: {spec: "+template+"}}"),
	}
}
