package ready

import (
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// Target is an object that a release waits for.
type Target struct {
	inventory.Ref
	// Service is the project's service the object belongs to; empty for none.
	Service string
	// Vanishes says that the object goes by itself when it has done its work.
	Vanishes bool
	// Left says that nobody waits for the object: it is left as it was.
	Left bool
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

// target is one target and what is known of it.
type target struct {
	Target
	resource schema.GroupVersionResource
	// floor is the generation that the first, consistent look found: what a
	// watch reports of an older one is history.
	floor   int64
	object  *unstructured.Unstructured
	current bool      // by its own status
	settles time.Time // when a container that was restarted is taken to stay up
	done    bool      // current, and settled
	ready   int32
	wanted  int32
	message string // what its own status says
	failed  string // why it failed for good by its own status
	found   *cause.Cause
	since   time.Time // when the cause was first seen
}

// read takes over what an object's own status says.
func (t *target) read() {
	t.current, t.failed, t.message = false, "", ""
	t.ready, t.wanted = replicasOf(t.object)
	result, err := status.Compute(t.object)
	if err != nil {
		t.message = err.Error()
		return
	}
	t.message = result.Message
	switch result.Status {
	case status.CurrentStatus:
		t.current = true
	case status.FailedStatus:
		t.failed = result.Message
	}
	if !t.current && isPaused(t.object) {
		t.failed = "it is paused, so Kubernetes starts no pods of its new version; take spec.paused out of its manifest"
	}
}

// isPaused reports whether a Deployment, as its controller saw it, does not roll out.
func isPaused(u *unstructured.Unstructured) bool {
	paused, _, _ := unstructured.NestedBool(u.Object, "spec", "paused")
	observed, _, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	return u.GetKind() == "Deployment" && paused && observed == u.GetGeneration()
}
