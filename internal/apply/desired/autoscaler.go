package desired

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// autoscaler is what an apply needs to know of a HorizontalPodAutoscaler.
type autoscaler struct {
	target  inventory.Key
	minimum int32
}

// readAutoscaler reads a document; ok is false when it is no autoscaler.
func readAutoscaler(d *Document) (scaler autoscaler, ok bool) {
	if d.Ref.Kind != "HorizontalPodAutoscaler" || d.Object == nil {
		return autoscaler{}, false
	}
	target, _ := d.Spec()["scaleTargetRef"].(map[string]any)
	apiVersion, _ := target["apiVersion"].(string)
	kind, _ := target["kind"].(string)
	name, _ := target["name"].(string)
	group, _, versioned := strings.Cut(apiVersion, "/")
	if !versioned {
		group = ""
	}
	scaler = autoscaler{target: inventory.Key{Group: group, Kind: kind, Namespace: d.Ref.Namespace, Name: name}, minimum: 1}
	if minimum := integer(d.Spec()["minReplicas"]); minimum != nil {
		scaler.minimum = *minimum
	}
	return scaler, name != ""
}

// ScaleTargets returns the objects that autoscalers of the set scale.
func ScaleTargets(documents []*Document) map[inventory.Key]bool {
	targets := map[inventory.Key]bool{}
	for _, d := range documents {
		if scaler, ok := readAutoscaler(d); ok {
			targets[scaler.target] = true
		}
	}
	return targets
}

// MinimumReplicas returns the smallest number of replicas of each scaled object.
func MinimumReplicas(documents []*Document) map[inventory.Key]int32 {
	smallest := map[inventory.Key]int32{}
	for _, d := range documents {
		if scaler, ok := readAutoscaler(d); ok {
			smallest[scaler.target] = scaler.minimum
		}
	}
	return smallest
}

// Replicas returns the document's spec.replicas, nil when it names none.
func (d *Document) Replicas() *int32 { return integer(d.Spec()["replicas"]) }

func integer(value any) *int32 {
	number, ok := value.(json.Number)
	if !ok {
		return nil
	}
	wide, err := number.Int64()
	if err != nil || wide < 0 || wide > math.MaxInt32 {
		return nil
	}
	small := int32(wide)
	return &small
}
