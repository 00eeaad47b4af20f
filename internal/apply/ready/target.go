package ready

import (
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/internal/apply/cause"
)

// target is one target and what is known of it.
type target struct {
	Target
	resource schema.GroupVersionResource
	// floor is the generation that the first, consistent look found: what a
	// watch reports of an older one is history.
	floor   int64
	object  *unstructured.Unstructured
	done    bool
	ready   int32
	wanted  int32
	message string // what its own status says
	failed  string // why it failed for good by its own status
	found   *cause.Cause
	since   time.Time // when the cause was first seen
}

// read takes over what an object's own status says.
func (w *target) read() {
	w.done, w.failed, w.message = false, "", ""
	w.ready, w.wanted = replicasOf(w.object)
	result, err := status.Compute(w.object)
	if err != nil {
		w.message = err.Error()
		return
	}
	w.message = result.Message
	switch result.Status {
	case status.CurrentStatus:
		w.done = true
	case status.FailedStatus:
		w.failed = result.Message
	}
}
