package kustomization

// allowedFields are the fields that the walk understands.
func allowedFields() []string {
	return []string{
		"apiVersion", "kind", "metadata",
		"resources", "bases", "components",
		"namePrefix", "nameSuffix", "namespace",
		"labels", "commonLabels", "commonAnnotations",
		"patches", "patchesStrategicMerge", "patchesJson6902",
		"images", "imageTags", "replicas", "replacements", "vars",
		"configMapGenerator", "generatorOptions",
		"crds", "configurations", "openapi",
		"transformers", "sortOptions", "buildMetadata",
	}
}

// refusedFields are fields of Kustomize that are not allowed, with the reason
// and the way out.
func refusedFields() map[string]string {
	const (
		helm   = "Helm charts are not rendered from inside Kustomize; make the chart a service of its own with helm.chart in slipway.yaml"
		plugin = "plugins that generate or check objects are not run; write the objects as resources"
	)
	return map[string]string{
		"helmCharts":                  helm,
		"helmGlobals":                 helm,
		"helmChartInflationGenerator": helm,
		"generators":                  plugin,
		"validators":                  plugin,
		"secretGenerator":             "a Secret's values don't belong into a repository; create the Secret in the stage and refer to it by name",
	}
}

// allowedTransformers are the built-in transformers that refer to no file and
// run no program.
func allowedTransformers() []string {
	return []string{
		"AnnotationsTransformer", "ImageTagTransformer", "LabelTransformer", "NamespaceTransformer",
		"PrefixTransformer", "PrefixSuffixTransformer", "ReplicaCountTransformer", "SuffixTransformer",
	}
}
