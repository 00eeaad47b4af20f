package kustomization_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render/kustomization"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// everyReference has each field that may refer to a file.
const everyReference = `resources: [a.yaml, sub]
components: [component]
patches: [{path: b.yaml}, {patch: "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"}]
patchesStrategicMerge: [c.yaml, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"]
patchesJson6902: [{path: d.yaml, target: {version: v1, kind: ConfigMap, name: a}}]
configMapGenerator: [{name: x, files: [e.txt, key=f.txt], envs: [g.env]}, {name: y, env: h.env}]
replacements: [{path: i.yaml}]
crds: [j.json]
configurations: [k.yaml]
openapi: {path: l.json}
transformers: [m.yaml]
`

func TestWalkFindsEveryReference(t *testing.T) {
	fsys := fstest.MapFS{
		"raw/kustomization.yaml":          {Data: []byte(everyReference)},
		"raw/sub/Kustomization":           {Data: []byte("resources: [n.yaml]\n")},
		"raw/sub/n.yaml":                  {Data: []byte("a: 1\n")},
		"raw/component/kustomization.yml": {Data: []byte("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n")},
		"raw/m.yaml":                      {Data: []byte("apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: x}\n")},
		"raw/unused.yaml":                 {Data: []byte("a: 1\n")},
		"other/kustomization.yaml":        {Data: []byte("resources: []\n")},
	}
	want := []string{"raw/component/kustomization.yml", "raw/kustomization.yaml", "raw/m.yaml", "raw/sub/Kustomization", "raw/sub/n.yaml"}
	for _, name := range []string{"a.yaml", "b.yaml", "c.yaml", "d.yaml", "e.txt", "f.txt", "g.env", "h.env", "i.yaml", "j.json", "k.yaml", "l.json"} {
		fsys["raw/"+name] = &fstest.MapFile{Data: []byte("a: 1\n")}
		want = append(want, "raw/"+name)
	}
	r := tree.NewReader(tree.FromFS(fsys), tree.DefaultLimits())
	entered, err := kustomization.Walk(context.Background(), r, tree.Place{File: "slipway.yaml"}, "raw")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name := range r.Files() {
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	slices.Sort(entered)
	if diff := cmp.Diff([]string{"raw", "raw/component", "raw/sub"}, entered); diff != "" {
		t.Errorf("directories (-want +got):\n%s", diff)
	}
}

// FuzzWalk holds the walk to its promise: whatever the file says, it reads
// only plain files of the repository and its errors are coded.
func FuzzWalk(f *testing.F) {
	for _, seed := range []string{
		everyReference, "", "resources: [../b]\n", "resources: [https://x/y]\n", "bases: ['../../x']\n", "resources: &a [*a]\n",
		"<<: {resources: [/etc/passwd]}\n", "Resources: [x]\n", "resources: [~]\n", "openapi: {path: ../x}\n", "kind: Component\n",
		"configMapGenerator: [{files: ['=', 'a=', '=b', '../..=c']}]\n", "resources: [\"\\u0000\"]\n", "patches: [{path: './/a'}]\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		source := &recording{tree.FromFS(fstest.MapFS{
			"raw/kustomization.yaml": {Data: []byte(text)},
			"raw/a.yaml":             {Data: []byte("a: 1\n")},
			"b/kustomization.yaml":   {Data: []byte("resources: [a.yaml]\n")},
			"b/a.yaml":               {Data: []byte("a: 1\n")},
		}), t}
		limits := tree.Limits{Files: 50, FileBytes: 1 << 16, Bytes: 1 << 18, Nodes: 5000, Depth: 20, Visits: 20, Documents: 100}
		_, err := kustomization.Walk(context.Background(), tree.NewReader(source, limits), tree.Place{File: "slipway.yaml"}, "raw")
		var coded *fault.Error
		if err != nil && (!errors.As(err, &coded) || coded.Code != fault.Invalid) {
			t.Errorf("%v is no coded invalid error", err)
		}
	})
}

// recording fails the test when a path is asked for that no reference may
// lead to.
type recording struct {
	tree.Source
	t *testing.T
}

// Read checks the path before it reads.
func (r *recording) Read(name string, most int64) ([]byte, error) {
	if strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../") || strings.ContainsAny(name, "\x00\\:") {
		r.t.Errorf("the walk asks for %q", name)
	}
	return r.Source.Read(name, most)
}
