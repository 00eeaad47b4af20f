package apply

import "k8s.io/apimachinery/pkg/runtime/schema"

// group is a step of an apply: its objects are written in parallel, after all
// objects of earlier groups. Pruning goes from the last group to the first.
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
