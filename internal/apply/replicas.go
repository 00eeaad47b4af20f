package apply

import (
	"encoding/json"
	"math"
	"strings"
)

// Replicas and autoscalers. An autoscaler must own spec.replicas of what it
// scales, or every release would undo its work. But an object that is made
// without replicas starts with one, and an owner who stops sending replicas
// resets them to one. So Slipway sends the autoscaler's minimum when it makes
// the object, goes on sending what it sent last for as long as it still owns
// the field, and stops for good once the autoscaler took it.

// autoscaler is what matters of a HorizontalPodAutoscaler.
type autoscaler struct {
	target  Key
	minimum int32
}

// readAutoscaler returns what a document scales; ok is false when it is no
// autoscaler.
func readAutoscaler(d *document) (scaler autoscaler, ok bool) {
	if d.ref.Kind != "HorizontalPodAutoscaler" || d.object == nil {
		return autoscaler{}, false
	}
	target, _ := d.spec()["scaleTargetRef"].(map[string]any)
	apiVersion, _ := target["apiVersion"].(string)
	kind, _ := target["kind"].(string)
	name, _ := target["name"].(string)
	group, _, versioned := strings.Cut(apiVersion, "/")
	if !versioned {
		group = ""
	}
	scaler = autoscaler{target: Key{Group: group, Kind: kind, Namespace: d.ref.Namespace, Name: name}, minimum: 1}
	if minimum := integer(d.spec()["minReplicas"]); minimum != nil {
		scaler.minimum = *minimum
	}
	return scaler, name != ""
}

// scaleTargets returns the objects that autoscalers of the set scale.
func scaleTargets(documents []*document) map[Key]bool {
	targets := map[Key]bool{}
	for _, d := range documents {
		if scaler, ok := readAutoscaler(d); ok {
			targets[scaler.target] = true
		}
	}
	return targets
}

// minimums returns the smallest number of replicas of each scaled object.
func minimums(documents []*document) map[Key]int32 {
	smallest := map[Key]int32{}
	for _, d := range documents {
		if scaler, ok := readAutoscaler(d); ok {
			smallest[scaler.target] = scaler.minimum
		}
	}
	return smallest
}

// replicas decides what is sent as spec.replicas: nil for nothing.
func (c *change) replicas(minimum int32) *int32 {
	own := integer(c.document.spec()["replicas"])
	switch {
	case !c.document.ref.scalable():
		return own
	case c.leaveReplicas:
		return nil
	case !c.scaled:
		return own
	case c.action == actionCreate || c.action == actionReplace:
		return &minimum
	case c.action == actionPatch && c.live.replicas && c.entry.Replicas != nil:
		return c.entry.Replicas
	case c.action == actionPatch && c.live.replicas:
		return &minimum
	}
	return nil
}

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
