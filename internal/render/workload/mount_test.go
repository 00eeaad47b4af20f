package workload_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// TestSharedClaims has pods that share a claim on one node, unless the
// cluster's class is mounted on several.
func TestSharedClaims(t *testing.T) {
	for name, c := range map[string]struct {
		class    string
		mode     corev1.PersistentVolumeAccessMode
		together bool
	}{
		"one node at a time": {"", corev1.ReadWriteOnce, true},
		"a shared class":     {"nfs", corev1.ReadWriteMany, false},
	} {
		t.Run(name, func(t *testing.T) {
			objects, _, err := workload.Objects(workload.Input{
				Name: "app", Image: "registry.example/app:1", Together: "data", SharedClass: c.class,
				Claims: []project.Volume{{Name: "data", Size: "3Gi"}, {Name: "others"}},
				Mounts: []workload.Mount{{Volume: "data", Path: "/data"}, {Volume: "data", Path: "/part", SubPath: "p", ReadOnly: true}},
			})
			if err != nil {
				t.Fatal(err)
			}
			claims := 0
			for _, object := range objects {
				switch body := object.Body.(type) {
				case *corev1.PersistentVolumeClaim:
					claims++
					class := ""
					if body.Spec.StorageClassName != nil {
						class = *body.Spec.StorageClassName
					}
					if body.Name != "data" || class != c.class || body.Spec.AccessModes[0] != c.mode {
						t.Errorf("the claim is %s of class %q, %v", body.Name, class, body.Spec.AccessModes)
					}
				case *appsv1.StatefulSet:
					if got := body.Spec.Template.Spec.Affinity != nil; got != c.together {
						t.Errorf("an affinity is %t, want %t", got, c.together)
					}
					if len(body.Spec.VolumeClaimTemplates) != 0 || len(body.Spec.Template.Spec.Volumes) != 2 || len(body.Spec.Template.Spec.Containers[0].VolumeMounts) < 2 {
						t.Errorf("the pods have the volumes %v", body.Spec.Template.Spec.Volumes)
					}
				}
			}
			if claims != 1 {
				t.Errorf("there are %d claims, want the one with a size", claims)
			}
		})
	}
}
