package hostile

import (
	"fmt"
	"strings"
)

// programCases ask Kustomize to run programs or to read what it must not.
func programCases(path string) []Case {
	const exec = "apiVersion: acme/v1\nkind: Runner\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: /bin/sh}\n"
	const inlineBuiltin = "transformers:\n- |-\n  apiVersion: builtin\n  kind: LabelTransformer\n  metadata:\n    name: x\n    annotations: {config.kubernetes.io/function: 'exec: {path: /bin/sh}'}\n"
	plugin := func(name, field, text string) Case {
		return raw(name, files{"raw/kustomization.yaml": field + ": [plugin.yaml]\n", "raw/plugin.yaml": text, "raw/config.yaml": configMap},
			"raw/kustomization.yaml:1: "+field)
	}
	return []Case{
		plugin("program as a generator", "generators", exec),
		plugin("program as a transformer", "transformers", exec),
		plugin("program as a validator", "validators", exec),
		plugin("built-in transformer that reads a file", "transformers", "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npath: "+path+"\n"),
		plugin("chart inside a transformer", "transformers", "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: x\n"),
		kustomization("program hidden in an inline transformer", inlineBuiltin, "raw/kustomization.yaml", "transformers[0]"),
		kustomization("generator of secrets", "secretGenerator: [{name: x, files: ["+path+"]}]\n", "raw/kustomization.yaml:1: secretGenerator", "Secret"),
		kustomization("charts", "helmCharts: [{name: x, repo: 'https://charts.example'}]\n", "raw/kustomization.yaml:1: helmCharts"),
		kustomization("charts, the old way", "helmChartInflationGenerator: [{chartName: x, helmBin: /bin/sh}]\n", "helmChartInflationGenerator"),
		kustomization("settings of charts", "helmGlobals: {chartHome: /etc}\n", "helmGlobals"),
		kustomization("unknown field", "exec: [/bin/sh]\n", "raw/kustomization.yaml:1: exec", "unknown"),
	}
}

// shapeCases are malformed.
func shapeCases() []Case {
	return []Case{
		kustomization("no YAML", "resources: [\n", "raw/kustomization.yaml", "not YAML"),
		kustomization("binary", "\x00\x01\x02\xff", "raw/kustomization.yaml", "not YAML"),
		kustomization("a list", "- resources\n", "raw/kustomization.yaml", "no mapping"),
		kustomization("empty file", "", "raw/kustomization.yaml", "0 YAML documents"),
		kustomization("two documents", "resources: [config.yaml]\n---\nresources: [config.yaml]\n", "2 YAML documents"),
		kustomization("wrong type", "resources: {a: b}\n", "raw/kustomization.yaml", "no kustomization"),
		kustomization("wrong kind", "kind: Pod\nresources: [config.yaml]\n", "raw/kustomization.yaml:1: kind"),
		kustomization("text with another tag", "resources: [!!binary YWJj]\n", "does not exist"),
		raw("no kustomization file", files{"raw/config.yaml": configMap}, "slipway.yaml: services.raw.kustomize", "no kustomization.yaml"),
		raw("two kustomization files", files{"raw/kustomization.yaml": "resources: []\n", "raw/Kustomization": "resources: []\n"}, "several kustomization files"),
		kustomization("missing file", "resources: [config.yaml, gone.yaml]\n", "raw/kustomization.yaml:1: resources[1]", "does not exist"),
		kustomization("itself as its base", "resources: [.]\n", "resources[0]", "inside itself"),
		kustomization("its parent as its base", "resources: [..]\n", "resources[0]", "inside itself"),
		raw("each other as bases", files{
			"raw/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../raw]\n",
		}, "b/kustomization.yaml:1: resources[0]", "inside itself"),
		raw("component as a resource", files{
			"raw/kustomization.yaml": "resources: [c]\n", "raw/c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n",
		}, "kind Component"),
		kustomization("the same object twice", "resources: [config.yaml, ./config.yaml]\n", "raw/config.yaml:1: ConfigMap", "comes twice", "list it once"),
		resource("null documents", "null\n---\n---\n"+configMap+"---\nnull\n---\n{}\n"),
		resource("empty documents", "---\n---\n"+configMap+"---\n"),
		resource("object without a kind", "apiVersion: v1\nmetadata: {name: x}\n", "Kustomize can't render"),
		resource("list of objects", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"),
		kustomization("expression that would take for ever elsewhere", "resources: [config.yaml]\npatches:\n- target: {kind: ConfigMap, name: '(a+)+(b|c)*(a+)+$'}\n  patch: '- {op: add, path: /data/b, value: x}'\n"),
		kustomization("broken expression", "resources: [config.yaml]\npatches:\n- target: {name: '('}\n  patch: '- {op: add, path: /data/b, value: x}'\n", "Kustomize can't render"),
	}
}

// bombCases are small and become large.
func bombCases() []Case {
	const nested = 12_000
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9)+fmt.Sprintf("*a%d", i-1))
	}
	object := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\n" + bomb
	diamond := files{"raw/kustomization.yaml": "resources: [../d1/a, ../d1/b]\n"}
	for i := 1; i < 30; i++ {
		for _, side := range []string{"a", "b"} {
			diamond[fmt.Sprintf("d%d/%s/kustomization.yaml", i, side)] = fmt.Sprintf("namePrefix: %s-\nresources: [../../d%d/a, ../../d%d/b]\n", side, i+1, i+1)
		}
	}
	diamond["d30/a/kustomization.yaml"] = "resources: [../b]\n"
	diamond["d30/b/kustomization.yaml"], diamond["d30/b/config.yaml"] = "resources: [config.yaml]\n", configMap
	deep := files{}
	dir := "raw"
	for range 200 {
		deep[dir+"/kustomization.yaml"] = "resources: [d]\n"
		dir += "/d"
	}
	return []Case{
		resource("alias bomb in an object", object, "raw/object.yaml", "aliases"),
		kustomization("alias bomb in a kustomization file", bomb, "raw/kustomization.yaml", "aliases"),
		kustomization("alias bomb in a patch", "resources: [config.yaml]\npatches:\n- patch: |\n    "+strings.ReplaceAll(object, "\n", "\n    ")+"\n", "patches[0].patch", "aliases"),
		resource("alias inside itself", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: &a {b: *a}\n", "raw/object.yaml:4", "inside what it stands for"),
		resource("brackets nested far", "a: "+strings.Repeat("[", nested)+strings.Repeat("]", nested)+"\n", "raw/object.yaml"),
		resource("braces nested far", "a: "+strings.Repeat("{a: ", nested)+"1"+strings.Repeat("}", nested)+"\n", "raw/object.yaml"),
		resource("blocks nested far", strings.Repeat("- ", nested)+"x\n", "raw/object.yaml"),
		resource("a line of 10 MB", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: \""+strings.Repeat("x", 10<<20)+"\"}\n", "resources[0]", "bytes"),
		resource("hundred thousand documents", strings.Repeat("---\nnull\n", 100_000), "raw/"),
		raw("three thousand files", manyFiles(3000), "2000 files"),
		raw("more megabytes than allowed", largeFiles(20), "bytes"),
		raw("bases that double at every level", diamond, "entered more than"),
		raw("directories nested far", deep, "levels deep"),
		guarded("name that matches everything", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '*'}\n"),
		resource("number too large for a machine", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: "+strings.Repeat("9", 5000)+"}\n"),
	}
}

func manyFiles(n int) files {
	f := files{}
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "- f%d.yaml\n", i)
		f[fmt.Sprintf("raw/f%d.yaml", i)] = strings.ReplaceAll(configMap, "config", fmt.Sprintf("c%d", i))
	}
	f["raw/kustomization.yaml"] = "resources:\n" + list.String()
	return f
}

func largeFiles(n int) files {
	f := files{}
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "  - f%d\n", i)
		f[fmt.Sprintf("raw/f%d", i)] = strings.Repeat("x", 1<<20)
	}
	f["raw/kustomization.yaml"] = "configMapGenerator:\n- name: large\n  files:\n" + list.String()
	return f
}
