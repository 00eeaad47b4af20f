package release

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/naming"
)

// separator stands between the documents of manifests.
const separator = "\n---\n"

// Scaled returns manifests with the replicas that people asked for, by
// service; negative numbers ask for nothing. Bundles hold what was rendered:
// whoever applies one, or compares it with what lives, scales it first.
// Documents that don't change keep their bytes.
//
// A workload whose replicas an autoscaler sets gets them through the
// autoscaler, as its least and most, but for zero: that an autoscaler can't
// reach, and a workload with zero replicas it leaves alone.
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
		wanted, asked := replicas[object.Metadata.Labels[naming.LabelService]]
		if !asked || wanted < 0 {
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

// scalable is what counts of a document that has replicas.
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
