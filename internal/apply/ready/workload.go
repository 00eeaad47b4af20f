package ready

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/slipway-dev/slipway/internal/apply/cause"
)

// replicasOf returns how many replicas of an object are ready and wanted; an
// object without replicas is one.
func replicasOf(u *unstructured.Unstructured) (ready, wanted int32) {
	number := func(otherwise int64, fields ...string) int32 {
		if value, ok, err := unstructured.NestedInt64(u.Object, fields...); ok && err == nil {
			return int32(min(max(value, 0), 1<<20))
		}
		return int32(otherwise) //nolint:gosec // a small constant
	}
	switch u.GetKind() {
	case "Deployment", "StatefulSet", "ReplicaSet":
		return number(0, "status", "readyReplicas"), number(1, "spec", "replicas")
	case "DaemonSet":
		return number(0, "status", "numberReady"), number(0, "status", "desiredNumberScheduled")
	case "Job":
		return number(0, "status", "succeeded"), number(1, "spec", "completions")
	}
	return 0, 0
}

// reportsGeneration reports whether the controller of a kind reports the generation
// that it observed last.
func reportsGeneration(kind string) bool {
	switch kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
		return true
	}
	return false
}

// workloadOf returns what diagnosing needs to know of an object; current is
// false while its controller has not looked at its newest generation.
func workloadOf(u *unstructured.Unstructured) (w cause.Workload, current bool) {
	w = cause.Workload{Kind: u.GetKind(), Name: u.GetName(), UID: u.GetUID()}
	switch w.Kind {
	case "Deployment":
		w.Revision = u.GetAnnotations()["deployment.kubernetes.io/revision"]
	case "StatefulSet":
		w.Revision, _, _ = unstructured.NestedString(u.Object, "status", "updateRevision")
	}
	observed, reported, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	if reported && observed != u.GetGeneration() || !reported && reportsGeneration(w.Kind) {
		return w, false
	}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if condition["type"] == "ReplicaFailure" && condition["status"] == "True" {
			w.Refused, _ = condition["message"].(string)
		}
	}
	return w, true
}
