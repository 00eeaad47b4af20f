package ready

import (
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// Target is an object that a release waits for.
type Target struct {
	inventory.Ref
	// Service is the project's service the object belongs to; empty for none.
	Service string
}

// Watchable reports whether objects of a kind take time to become ready.
func Watchable(kind schema.GroupKind) bool {
	switch kind.Kind {
	case "ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "NetworkPolicy", "LimitRange", "ResourceQuota",
		"Service", "Ingress", "HTTPRoute", "HorizontalPodAutoscaler", "PodDisruptionBudget", "CronJob", "CustomResourceDefinition",
		"PersistentVolumeClaim", "Endpoints":
		return false
	}
	return true
}
