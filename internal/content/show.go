package content

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
)

// Start shows heads in the statuses of their stages, one stage at a time, until ctx
// ends. What is not shown then the next sync finds again.
func (h *Heads) Start(ctx context.Context) error {
	defer context.AfterFunc(ctx, h.due.ShutDown)()
	for {
		name, over := h.due.Get()
		if over {
			return nil
		}
		if wait := h.wait(name); wait > 0 {
			h.due.AddAfter(name, wait)
		} else if err := h.show(ctx, name); err != nil && ctx.Err() == nil {
			h.log.Warn("show the head of a stage; it is tried again", "stage", name, "error", err)
			h.due.AddAfter(name, h.delay)
		}
		h.due.Done(name)
	}
}

// wait returns how long the newest head of a stage is not shown yet.
func (h *Heads) wait(name types.NamespacedName) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.known[name].wait(time.Now(), h.delay)
}

// show writes the newest head of a stage to its status.
func (h *Heads) show(ctx context.Context, name types.NamespacedName) error {
	var stage v1alpha1.Stage
	if err := h.client.Get(ctx, name, &stage); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read stage %s: %w", name, err)
	}
	head := h.headOf(&stage)
	if stage.UID == "" || head == nil {
		h.forget(name, nil)
		return nil
	}
	after := stage.DeepCopy()
	after.Status.Head = head
	if err := kube.PatchStatus(ctx, h.client, &stage, after); err != nil {
		return err
	}
	h.forget(name, head)
	return nil
}
