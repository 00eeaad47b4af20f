package hostile

import (
	"fmt"
	"io/fs"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
)

// remoteCases refer to what is elsewhere, in every field that can.
func remoteCases(address string) []Case {
	url := "http://" + address + "/base.yaml"
	at := func(line int, field string) []string {
		return []string{fmt.Sprintf("raw/kustomization.yaml:%d: %s", line, field), "of this repository"}
	}
	one := func(name, text string, field string) Case { return kustomization(name, text, at(1, field)...) }
	return []Case{
		one("resource over http", "resources: ["+url+"]\n", "resources[0]"),
		kustomization("resource over https, second of two", "resources:\n- config.yaml\n- https://"+address+"/x.yaml\n", at(3, "resources[1]")...),
		one("base over git protocol", "resources: ['git://"+address+"/x/y']\n", "resources[0]"),
		one("base with git prefix", "resources: ['git::http://"+address+"/x/y']\n", "resources[0]"),
		one("base from a forge", "resources: ['github.com/acme/shop//deploy?ref=main']\n", "resources[0]"),
		one("base from a forge in capitals", "resources: ['GitHub.com/acme/shop']\n", "resources[0]"),
		one("base over scp syntax", "resources: ['git@"+address+"/acme/shop.git']\n", "resources[0]"),
		one("base over ssh", "resources: ['ssh://git@"+address+"/acme/shop']\n", "resources[0]"),
		one("base with a user and port", "resources: ['me@host:acme/shop']\n", "resources[0]"),
		one("base with a query", "resources: ['base?ref=main']\n", "resources[0]"),
		one("base with an underscored git path", "resources: ['host/_git/shop']\n", "resources[0]"),
		one("base from a local git path", "resources: ['file:///srv/shop.git']\n", "resources[0]"),
		one("registry address", "resources: ['oci://"+address+"/shop']\n", "resources[0]"),
		one("remote in the old bases field", "bases: ["+url+"]\n", "bases[0]"),
		one("remote component", "components: ["+url+"]\n", "components[0]"),
		one("remote patch", "patches: [{path: '"+url+"'}]\n", "patches[0].path"),
		one("remote strategic patch", "patchesStrategicMerge: ['"+url+"']\n", "patchesStrategicMerge[0]"),
		one("remote JSON patch", "patchesJson6902: [{path: '"+url+"', target: {kind: ConfigMap, version: v1, name: config}}]\n", "patchesJson6902[0].path"),
		one("remote file in a generator", "configMapGenerator: [{name: x, files: ['a="+url+"']}]\n", "configMapGenerator[0].files[0]"),
		one("remote env in a generator", "configMapGenerator: [{name: x, envs: ['"+url+"']}]\n", "configMapGenerator[0].envs[0]"),
		one("remote definition", "crds: ["+url+"]\n", "crds[0]"),
		one("remote schema", "openapi: {path: '"+url+"'}\n", "openapi.path"),
		one("remote configuration", "configurations: ["+url+"]\n", "configurations[0]"),
		one("remote replacement", "replacements: [{path: '"+url+"'}]\n", "replacements[0].path"),
		one("remote transformer", "transformers: ["+url+"]\n", "transformers[0]"),
		kustomization("remote behind an alias", "metadata: {name: &u '"+url+"'}\nresources: [*u]\n", "raw/kustomization.yaml:2: resources[0]", "a URL"),
		kustomization("remote behind another spelling of the field", "Resources: ["+url+"]\n", "raw/kustomization.yaml:1: Resources", "unknown"),
		kustomization("remote behind a merge key", "metadata: &m {name: x}\n<<: {resources: ["+url+"]}\n", "raw/kustomization.yaml:2: <<", "unknown"),
		kustomization("remote in the second of two same fields", "resources: [config.yaml]\nresources: ["+url+"]\n", "raw/kustomization.yaml:2: resources", "twice"),
		kustomization("password in an address is not repeated", "resources: ['https://me:hunter2@"+address+"/x']\n", "raw/kustomization.yaml:1", "…@"),
	}
}

// escapeCases refer to files outside the repository, or outside of where
// Kustomize may look.
func escapeCases(path string) []Case {
	link := fstest.MapFS{
		"raw/kustomization.yaml": {Data: []byte("resources: [link.yaml]\n"), Mode: 0o644},
		"raw/link.yaml":          {Data: []byte(path), Mode: fs.ModeSymlink | 0o777},
	}
	linkedDir := fstest.MapFS{
		"raw":                      {Data: []byte("other"), Mode: fs.ModeSymlink | 0o777},
		"other/kustomization.yaml": {Data: []byte("resources: [config.yaml]\n"), Mode: 0o644},
		"other/config.yaml":        {Data: []byte(configMap), Mode: 0o644},
	}
	submodule := fstest.MapFS{
		"raw/kustomization.yaml": {Data: []byte("resources: [vendored]\n"), Mode: 0o644},
		"raw/vendored":           {Mode: fs.ModeIrregular | 0o644},
	}
	generic := request(map[string]project.Service{"raw": {Kustomize: "raw"}})
	outside := raw("file outside the directory", files{
		"raw/kustomization.yaml": "configMapGenerator:\n- name: x\n  files: [../secret.txt]\n", "secret.txt": "x",
	}, "raw/kustomization.yaml:3: configMapGenerator[0].files[0]", "outside")
	return []Case{
		kustomization("absolute file", "resources: ["+path+"]\n", "raw/kustomization.yaml:1: resources[0]", "absolute"),
		kustomization("absolute file in a generator", "configMapGenerator: [{name: x, files: [a=/proc/self/environ]}]\n", "configMapGenerator[0].files[0]", "absolute"),
		kustomization("home directory", "resources: [~/.kube/config]\n", "resources[0]", "absolute"),
		kustomization("out of the repository", "resources: [../../../../etc/passwd]\n", "raw/kustomization.yaml:1: resources[0]", "leaves the repository"),
		kustomization("out of the repository and in again", "resources: [../../x/raw/config.yaml]\n", "leaves the repository"),
		kustomization("the .git directory", "resources: [../.git/config]\n", ".git"),
		kustomization("two paths in one entry", "resources:\n- ../base\n - ../other\n", "ambiguous"),
		kustomization("backslashes", `resources: ['..\..\etc\passwd']`, "character"),
		kustomization("a line break in a path", `resources: ["a\nb"]`, "character"),
		kustomization("an empty path", "resources: ['']\n", "empty"),
		{Name: "symbolic link to a file", Tree: link, Request: generic, Says: []string{"raw/kustomization.yaml:1: resources[0]", "symbolic link"}},
		{Name: "symbolic link to a directory", Tree: linkedDir, Request: generic, Says: []string{"services.raw.kustomize"}},
		{Name: "submodule", Tree: submodule, Request: generic, Says: []string{"raw/kustomization.yaml:1: resources[0]", "submodule"}},
		outside,
		slipwayPath("service directory out of the repository", "../../etc", "leaves the repository"),
		slipwayPath("absolute service directory", "/etc", "absolute"),
		slipwayPath("remote service directory", "https://host/x", "a URL"),
		overlayPath("overlay out of the repository", "../x", "leaves the repository"),
		overlayPath("remote overlay", "github.com/acme/shop", "git address"),
	}
}

func slipwayPath(name, dir string, says string) Case {
	return Case{
		Name: name, Tree: files{}.tree(), Says: []string{"slipway.yaml: services.raw.kustomize", says},
		Request: request(map[string]project.Service{"raw": {Kustomize: dir}}),
	}
}

func overlayPath(name, dir string, says string) Case {
	req := request(map[string]project.Service{"one": {Image: "one:1"}})
	req.Overlays = []render.OverlayReference{{Directory: dir, Field: "stages[0].overlay", Line: 5}}
	return Case{Name: name, Tree: files{}.tree(), Request: req, Says: []string{"slipway.yaml:5: stages[0].overlay: ", says}}
}
