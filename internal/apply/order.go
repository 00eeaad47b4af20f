package apply

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/internal/apply/desired"
)

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
	groupOnce  // Jobs that run once, each before what waits for it
	groupAfter // workloads that wait for them
	groupRoute
	groupScaler
	groups
)

// group returns the step in which a change is made. Its document is parsed.
func (c *change) group() group {
	hook := c.document.Hook()
	switch g := groupOf(c.document.Ref.GroupKind(), hook); {
	case g == groupHook && c.document.Annotation(desired.AnnotationHook) == desired.HookOnce:
		return groupOnce
	case g == groupWorkload && len(c.document.After()) > 0:
		return groupAfter
	default:
		return g
	}
}

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
