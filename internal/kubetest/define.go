package kubetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// define installs the definitions of a folder and waits until they are
// served.
func (p *ControlPlane) define(ctx context.Context, folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("find resource definitions in %s: none there (%w)", folder, err)
	}
	client, err := dynamic.NewForConfig(p.Config)
	if err != nil {
		return fmt.Errorf("client of the control plane: %w", err)
	}
	definitions := client.Resource(schema.GroupVersionResource{Group: apiextensionsv1.GroupName, Version: "v1", Resource: "customresourcedefinitions"})
	var names []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read a definition: %w", err)
		}
		var meta metav1.PartialObjectMetadata
		if err := yaml.Unmarshal(data, &meta); err != nil {
			return fmt.Errorf("decode %s: %w", file, err)
		}
		if _, err := definitions.Patch(ctx, meta.Name, "application/apply-patch+yaml", data, metav1.PatchOptions{FieldManager: "kubetest"}); err != nil {
			return fmt.Errorf("install %s: %w", file, err)
		}
		names = append(names, meta.Name)
	}
	for _, name := range names {
		if err := established(ctx, definitions, name); err != nil {
			return err
		}
	}
	return nil
}

func established(ctx context.Context, definitions dynamic.ResourceInterface, name string) error {
	for {
		object, err := definitions.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("wait for %s: %w", name, err)
		}
		var definition apiextensionsv1.CustomResourceDefinition
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &definition); err != nil {
			return fmt.Errorf("decode %s: %w", name, err)
		}
		for _, condition := range definition.Status.Conditions {
			if condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", name, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
