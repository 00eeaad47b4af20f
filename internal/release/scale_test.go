package release_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/release"
)

const rendered = `apiVersion: v1
data:
  note: |
    kind: Deployment
kind: ConfigMap
metadata:
  labels:
    slipway.dev/service: web
  name: note
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    slipway.dev/service: web
  name: web
spec:
  replicas: 2
  selector: {}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    slipway.dev/service: queue
  name: queue
spec:
  selector: {}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  labels:
    slipway.dev/service: queue
  name: queue
spec:
  maxReplicas: 4
  minReplicas: 1
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: queue
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  labels:
    slipway.dev/service: db
  name: db
spec:
  replicas: 1
`

func TestScaled(t *testing.T) {
	edit := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(rendered) }
	tests := map[string]struct {
		scale map[string]int32
		want  string
	}{
		"nothing":             {nil, rendered},
		"taken back":          {map[string]int32{"web": -1}, rendered},
		"unknown":             {map[string]int32{"gone": 3}, rendered},
		"fixed":               {map[string]int32{"web": 5}, edit("replicas: 2", "replicas: 5")},
		"to zero":             {map[string]int32{"web": 0}, edit("replicas: 2", "replicas: 0")},
		"stateful, the last":  {map[string]int32{"db": 3}, edit("replicas: 1\n", "replicas: 3\n", "minReplicas: 1", "minReplicas: 1")},
		"autoscaled":          {map[string]int32{"queue": 6}, edit("maxReplicas: 4\n  minReplicas: 1", "maxReplicas: 6\n  minReplicas: 6")},
		"autoscaled, to zero": {map[string]int32{"queue": 0}, edit("  name: queue\nspec:\n  selector: {}", "  name: queue\nspec:\n  replicas: 0\n  selector: {}")},
		"two":                 {map[string]int32{"web": 1, "queue": 2}, edit("replicas: 2", "replicas: 1", "maxReplicas: 4\n  minReplicas: 1", "maxReplicas: 2\n  minReplicas: 2")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := release.Scaled([]byte(rendered), tt.scale)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("manifests (-want +got):\n%s", diff)
			}
		})
	}
}

// Scaling again changes nothing, so that drift finds the bytes that were
// applied, and documents of other services keep theirs.
func TestScaledIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scale := rapid.MapOf(rapid.SampledFrom([]string{"web", "queue", "db", "gone"}), rapid.Int32Range(-2, 9)).Draw(t, "scale")
		once, err := release.Scaled([]byte(rendered), scale)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := release.Scaled(once, scale)
		if err != nil || string(once) != string(twice) {
			t.Fatalf("twice differs from once: %v\n%s", err, cmp.Diff(string(once), string(twice)))
		}
		before, after := strings.Split(rendered, "\n---\n"), strings.Split(string(once), "\n---\n")
		if len(before) != len(after) || before[0] != after[0] {
			t.Fatalf("documents came, went or changed:\n%s", once)
		}
	})
}
