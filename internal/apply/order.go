package apply

import "k8s.io/apimachinery/pkg/runtime/schema"

// Annotations that a manifest may carry to steer how its object is applied.
const (
	// AnnotationHook marks a Job that must complete before workloads change.
	// Its only value is "release".
	AnnotationHook = "slipway.dev/hook"
	// AnnotationAdopt ("true") lets Slipway take over an object, or fields of
	// it, that somebody else made.
	AnnotationAdopt = "slipway.dev/adopt"
	// AnnotationReplace ("true") lets Slipway delete and create a workload
	// anew when an immutable field changes, with the interruption it brings.
	AnnotationReplace = "slipway.dev/replace"
	// AnnotationPrune says whether the object is deleted once the manifests
	// no longer hold it: "true" or "false". The default is "true", and
	// "false" for kinds that hold data.
	AnnotationPrune = "slipway.dev/prune"
)

// group is a step of an apply: its objects are written in parallel, after all
// objects of earlier groups. Pruning goes the other way.
type group int

const (
	groupPrerequisite group = iota
	groupBinding            // after roles: the server checks what a binding grants
	groupConfig
	groupVolume
	groupService
	groupCustom
	groupHook
	groupWorkload
	groupRoute
	groupScaler
	groups
)

// groupOf returns the step in which an object is applied.
func groupOf(kind schema.GroupKind, hook bool) group {
	switch kind.Kind {
	case "ServiceAccount", "Role", "LimitRange", "ResourceQuota", "NetworkPolicy":
		return groupPrerequisite
	case "RoleBinding":
		return groupBinding
	case "ConfigMap", "Secret":
		return groupConfig
	case "PersistentVolumeClaim":
		return groupVolume
	case "Service":
		return groupService
	case "Job":
		if hook {
			return groupHook
		}
		return groupWorkload
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "CronJob", "Pod", "ReplicationController":
		return groupWorkload
	case "Ingress", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute":
		return groupRoute
	case "HorizontalPodAutoscaler", "PodDisruptionBudget":
		return groupScaler
	}
	return groupCustom
}

// holdsData reports whether deleting an object of the kind loses data that
// cannot be made again, so that pruning keeps it unless its manifest says
// otherwise.
func holdsData(kind schema.GroupKind) bool {
	return kind == schema.GroupKind{Kind: "PersistentVolumeClaim"}
}
