package render

import (
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// labels puts labels on every object and on the pods that it makes. The fields
// are named one by one, because versions of Kustomize differ in what they take
// for a template: some label volume claims too, which can't be changed later.
func labels(pairs map[string]string) []types.Label {
	return []types.Label{{Pairs: pairs, FieldSpecs: podLabels()}}
}

// podLabels returns where the labels of pods are, by the kind that makes them.
func podLabels() []types.FieldSpec {
	const template = "spec/template/metadata/labels"
	at := func(group, kind, path string) types.FieldSpec {
		return types.FieldSpec{Gvk: resid.Gvk{Group: group, Kind: kind}, Path: path, CreateIfNotPresent: true}
	}
	return []types.FieldSpec{
		at("", "ReplicationController", template),
		at("apps", "Deployment", template),
		at("apps", "ReplicaSet", template),
		at("apps", "DaemonSet", template),
		at("apps", "StatefulSet", template),
		at("batch", "Job", template),
		at("batch", "CronJob", "spec/jobTemplate/metadata/labels"),
		at("batch", "CronJob", "spec/jobTemplate/spec/template/metadata/labels"),
	}
}
