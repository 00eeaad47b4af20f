//go:build integration

package controller_test

import (
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The API server takes the objects that README tells people to make.
func TestObjectsInReadme(t *testing.T) {
	join(t, "acme", siteFiles(devStage, "hello"), nil)
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?ms)^```yaml\n(apiVersion:.*?)^```").FindSubmatch(page)
	if block == nil {
		t.Fatal("README shows no objects")
	}
	kinds := map[string]int{}
	for decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(string(block[1])), 4096); ; {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		kinds[object.GetKind()]++
		strict := client.WithFieldValidation(env.Client, "Strict")
		if err := strict.Patch(t.Context(), object, client.Apply, client.DryRunAll, client.FieldOwner("readme"), client.ForceOwnership); err != nil { //nolint:staticcheck // Apply takes typed configurations only
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
	for _, kind := range []string{"Organization", "Cluster", "Project", "Secret"} {
		if kinds[kind] == 0 {
			t.Errorf("README shows no %s", kind)
		}
	}
}
