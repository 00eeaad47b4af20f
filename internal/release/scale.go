package release

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/naming"
)

// separator separates the documents of manifests.
const separator = "\n---\n"

// Scaled returns manifests with the replicas that people set, by service; a
// negative number sets nothing. Bundles contain the manifests as rendered, so they
// must be scaled before they are applied or compared with live objects. Documents
// that don't change keep their bytes.
//
// Where an autoscaler sets the replicas of a workload, they become its minimum and
// maximum. Zero is the exception: it is set on the workload itself, which an
// autoscaler then leaves alone.
func Scaled(manifests []byte, replicas map[string]int32) ([]byte, error) {
	if len(replicas) == 0 || len(manifests) == 0 {
		return manifests, nil
	}
	documents := bytes.Split(manifests, []byte(separator))
	objects := make([]*scalable, len(documents))
	autoscaled := map[string]bool{} // kind/name
	for i, document := range documents {
		object, err := parseScalable(document)
		if err != nil {
			return nil, fmt.Errorf("scale document %d: %w", i, err)
		}
		if objects[i] = object; object != nil && object.Kind == autoscaler {
			autoscaled[object.Spec.Target.Kind+"/"+object.Spec.Target.Name] = true
		}
	}
	for i, object := range objects {
		if object == nil {
			continue
		}
		wanted, set := replicas[object.Metadata.Labels[naming.LabelService]]
		if !set || wanted < 0 {
			continue
		}
		scaled, err := object.scale(documents[i], wanted, autoscaled)
		if err != nil {
			return nil, fmt.Errorf("scale %s %s: %w", object.Kind, object.Metadata.Name, err)
		}
		if i < len(documents)-1 {
			scaled = bytes.TrimSuffix(scaled, []byte("\n"))
		}
		documents[i] = scaled
	}
	return bytes.Join(documents, []byte(separator)), nil
}

const autoscaler = "HorizontalPodAutoscaler"

// scalable is the part of a document with replicas that matters here.
type scalable struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec struct {
		Target struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"scaleTargetRef"`
	} `json:"spec"`
}

// parseScalable reads a document; nil when it has no replicas.
func parseScalable(document []byte) (*scalable, error) {
	text := string(document)
	if !strings.Contains(text, "kind: Deployment") && !strings.Contains(text, "kind: StatefulSet") && !strings.Contains(text, "kind: "+autoscaler) {
		return nil, nil
	}
	var object scalable
	if err := yaml.Unmarshal(document, &object); err != nil {
		return nil, err
	}
	switch object.Kind {
	case "Deployment", "StatefulSet", autoscaler:
		return &object, nil
	}
	return nil, nil
}

// scale returns the document with replicas set.
func (s *scalable) scale(document []byte, replicas int32, autoscaled map[string]bool) ([]byte, error) {
	fields := map[string]any{"replicas": replicas}
	switch {
	case s.Kind == autoscaler && replicas == 0:
		return document, nil
	case s.Kind == autoscaler:
		fields = map[string]any{"minReplicas": replicas, "maxReplicas": replicas}
	case autoscaled[s.Kind+"/"+s.Metadata.Name] && replicas > 0:
		return document, nil
	}
	asJSON, err := yaml.YAMLToJSON(document)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	spec, ok := object["spec"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("it has no spec")
	}
	for name, value := range fields {
		spec[name] = value
	}
	if asJSON, err = json.Marshal(object); err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(asJSON)
}
