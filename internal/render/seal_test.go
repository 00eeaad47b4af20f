package render_test

import (
	"bytes"
	"context"
	"path"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
)

// sealedShop is a stage whose pods use Secrets in every way there is.
func sealedShop(sealed project.Sealed) (map[string]string, render.Request) {
	files := map[string]string{
		"raw/kustomization.yaml": "resources: [by-key.yaml, by-volume.yaml, none.yaml, once.yaml]\n",
		"raw/by-key.yaml": `{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: by-key}, spec: {serviceName: a, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}, annotations: {x: y}}, spec: {containers: [
  {name: a, image: "a:1", env: [{name: A, valueFrom: {secretKeyRef: {name: stripe, key: A}}}]}]}}}}`,
		"raw/by-volume.yaml": `{apiVersion: apps/v1, kind: Deployment, metadata: {name: by-volume}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {volumes: [
  {name: v, projected: {sources: [{secret: {name: mail}}]}}, {name: w, secret: {secretName: stripe}}], containers: [{name: a, image: "a:1"}]}}}}`,
		"raw/none.yaml": `{apiVersion: apps/v1, kind: Deployment, metadata: {name: none}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [
  {name: stripe, image: "stripe:1", envFrom: [{configMapRef: {name: stripe}}, {secretRef: {name: other}}]}]}}}}`,
		"raw/once.yaml": `{apiVersion: batch/v1, kind: Job, metadata: {name: once}, spec: {template: {spec: {restartPolicy: Never, containers: [
  {name: a, image: "a:1", envFrom: [{secretRef: {name: stripe}}]}]}}}}`,
	}
	req := request(map[string]project.Service{
		"web": {Image: "nginx:1", Secrets: []string{"stripe"}, Port: 80},
		"raw": {Kustomize: "raw"},
	})
	req.Images = nil
	req.Sealed = render.SealHashes(sealed)
	return files, req
}

// sealHashesOf returns the annotation of each object's pods, by kind and name.
func sealHashesOf(t *testing.T, manifests []byte) map[string]string {
	t.Helper()
	hashes := map[string]string{}
	for document := range bytes.SplitSeq(manifests, []byte("\n---\n")) {
		var object struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     struct {
				Template struct {
					Metadata struct{ Annotations map[string]string }
				}
			}
		}
		if err := yaml.Unmarshal(document, &object); err != nil {
			t.Fatal(err)
		}
		if hash := object.Spec.Template.Metadata.Annotations[naming.AnnotationSealHash]; hash != "" {
			hashes[object.Kind+"/"+object.Metadata.Name] = hash
		}
	}
	return hashes
}

func TestSealedValueRollsItsPods(t *testing.T) {
	before := project.Sealed{"stripe": {"A": "first"}, "mail": {"B": "same"}}
	after := project.Sealed{"stripe": {"A": "second"}, "mail": {"B": "same"}}
	files, req := sealedShop(before)
	first := sealHashesOf(t, mustRender(t, repository(files), req).Manifests)
	for _, name := range []string{"Deployment/web", "StatefulSet/by-key", "Deployment/by-volume"} {
		if first[name] == "" {
			t.Errorf("the pods of %s would not be replaced: %v", name, first)
		}
	}
	if len(first) != 3 {
		t.Errorf("want the pods that use a sealed Secret alone, got %v", first)
	}
	_, req = sealedShop(after)
	second := sealHashesOf(t, mustRender(t, repository(files), req).Manifests)
	for name := range first {
		if first[name] == second[name] {
			t.Errorf("%s: the hash stayed %s", name, first[name])
		}
	}
	_, req = sealedShop(project.Sealed{"stripe": before["stripe"], "mail": {"B": "other"}})
	third := sealHashesOf(t, mustRender(t, repository(files), req).Manifests)
	if third["Deployment/web"] != first["Deployment/web"] || third["Deployment/by-volume"] == first["Deployment/by-volume"] {
		t.Errorf("a value of mail is used by by-volume alone: %v, then %v", first, third)
	}
}

// TestSealedStageEjects holds the patches that leave Slipway to what Render
// does itself.
func TestSealedStageEjects(t *testing.T) {
	files, req := sealedShop(project.Sealed{"stripe": {"A": "first"}, "mail": {"B": "same"}})
	collected, err := render.Collect(context.Background(), repository(files), req, render.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	ejected, err := render.Eject(context.Background(), req, collected)
	if err != nil {
		t.Fatal(err)
	}
	memory := filesys.MakeFsInMemory()
	for name, data := range ejected {
		if err := memory.WriteFile(path.Join("/tree", name), data); err != nil {
			t.Fatal(err)
		}
	}
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(memory, "/tree")
	if err != nil {
		t.Fatal(err)
	}
	got, err := objects.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(mustRender(t, repository(files), req).Manifests), string(got)); diff != "" {
		t.Errorf("kustomize renders something else (-slipway +kustomize):\n%s", diff)
	}
}
