package target

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	typedv1 "k8s.io/client-go/kubernetes/typed/apps/v1"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// restartManager is the field manager of the mark that a restart leaves on
// pods. It is not the one that applies, so that the mark stays when the next
// release does not have it: else every restart would be followed by another.
const restartManager = "slipway-restart"

// annotationRestart marks the pods of a restart.
const annotationRestart = "slipway.dev/restart"

// workload is what counts of a manifest that has pods.
type workload struct {
	Kind     string            `json:"kind"`
	Metadata metav1.ObjectMeta `json:"metadata"`
}

// Restart implements release.Target: a mark in the pods' template makes the
// cluster roll them, as slowly and carefully as a new version.
func (s *Target) Restart(ctx context.Context, manifests []byte, services []string, mark string) error {
	workloads, err := workloadsOf(manifests, services)
	if err != nil {
		return err
	}
	clientset, err := kubernetes.NewForConfig(stageConfig(s.connection, s.stage.Spec.Namespace))
	if err != nil {
		return fmt.Errorf("make client of stage %s: %w", s.stage.Name, err)
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{annotationRestart: mark},
	}}}})
	if err != nil {
		return fmt.Errorf("encode the mark of a restart: %w", err)
	}
	for _, w := range workloads {
		if err := roll(ctx, clientset.AppsV1(), s.stage.Spec.Namespace, w, patch); err != nil {
			return fault.Wrap(fault.Unavailable, err, "%s %s could not be restarted", w.Kind, w.Metadata.Name)
		}
	}
	return nil
}

func roll(ctx context.Context, apps typedv1.AppsV1Interface, namespace string, w workload, patch []byte) error {
	options := metav1.PatchOptions{FieldManager: restartManager}
	if w.Kind == "StatefulSet" {
		_, err := apps.StatefulSets(namespace).Patch(ctx, w.Metadata.Name, types.StrategicMergePatchType, patch, options)
		return err
	}
	_, err := apps.Deployments(namespace).Patch(ctx, w.Metadata.Name, types.StrategicMergePatchType, patch, options)
	return err
}

// workloadsOf returns the Deployments and StatefulSets of the services, of all
// when none is named.
func workloadsOf(manifests []byte, services []string) ([]workload, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(string(manifests)), 4096)
	var found []workload
	for {
		var w workload
		err := decoder.Decode(&w)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the workloads of a bundle: %w", err)
		}
		meant := len(services) == 0 || slices.Contains(services, w.Metadata.Labels[naming.LabelService])
		if meant && (w.Kind == "Deployment" || w.Kind == "StatefulSet") {
			found = append(found, w)
		}
	}
}
