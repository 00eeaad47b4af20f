package release

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

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
	if len(replicas) == 0 {
		return manifests, nil
	}
	return rewrite(manifests, func(object *scalable, autoscaled bool) map[string]any {
		wanted, set := replicas[object.Metadata.Labels[naming.LabelService]]
		if !set || wanted < 0 {
			return nil
		}
		return object.scaled(wanted, autoscaled)
	})
}

// rewrite sets fields in the specs of those objects that can have none or several pods:
// what fields returns for each, nil for none. Autoscaled says that an autoscaler sets
// the replicas of the object.
func rewrite(manifests []byte, fields func(object *scalable, autoscaled bool) map[string]any) ([]byte, error) {
	if len(manifests) == 0 {
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
		changed := fields(object, autoscaled[object.Kind+"/"+object.Metadata.Name])
		if len(changed) == 0 {
			continue
		}
		after, err := setInSpec(documents[i], changed)
		if err != nil {
			return nil, fmt.Errorf("scale %s %s: %w", object.Kind, object.Metadata.Name, err)
		}
		if i < len(documents)-1 {
			after = bytes.TrimSuffix(after, []byte("\n"))
		}
		documents[i] = after
	}
	return bytes.Join(documents, []byte(separator)), nil
}

// Kinds whose pods come and go with a field of their spec.
const (
	deployment  = "Deployment"
	statefulSet = "StatefulSet"
	autoscaler  = "HorizontalPodAutoscaler"
	cronJob     = "CronJob"
)

// scalable is the part of such a document that matters here.
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

// parseScalable reads a document; nil when it is of no such kind.
func parseScalable(document []byte) (*scalable, error) {
	kinds := []string{deployment, statefulSet, autoscaler, cronJob}
	mentions := func(kind string) bool { return bytes.Contains(document, []byte("kind: "+kind)) }
	if !slices.ContainsFunc(kinds, mentions) {
		return nil, nil
	}
	var object scalable
	if err := yaml.Unmarshal(document, &object); err != nil {
		return nil, err
	}
	if !slices.Contains(kinds, object.Kind) {
		return nil, nil
	}
	return &object, nil
}

// scaled returns the fields that give an object a number of replicas.
func (s *scalable) scaled(replicas int32, autoscaled bool) map[string]any {
	switch {
	case s.Kind == cronJob, s.Kind == autoscaler && replicas == 0, autoscaled && replicas > 0:
		return nil
	case s.Kind == autoscaler:
		return map[string]any{"minReplicas": replicas, "maxReplicas": replicas}
	}
	return map[string]any{"replicas": replicas}
}

// setInSpec returns a document with fields of its spec set.
func setInSpec(document []byte, fields map[string]any) ([]byte, error) {
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
	maps.Copy(spec, fields)
	if asJSON, err = json.Marshal(object); err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(asJSON)
}
