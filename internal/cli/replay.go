package cli

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// replayPoll is how often a replayed delivery is looked at.
const replayPoll = 200 * time.Millisecond

// replay asks for a delivery to be dealt with again. People may not write its
// status and can't change what the forge said: they leave a mark, and the
// server deals with a delivery whose mark it has not seen yet.
func (d *deliveries) replay(ctx context.Context, project, name string) error {
	c, err := d.client()
	if err != nil {
		return err
	}
	one, err := d.find(ctx, c, project, name)
	if err != nil {
		return err
	}
	mark := time.Now().UTC().Format(time.RFC3339Nano)
	after := one.DeepCopy()
	if after.Annotations == nil {
		after.Annotations = map[string]string{}
	}
	after.Annotations[v1alpha1.AnnotationReplay] = mark
	if err := c.Patch(ctx, after, client.MergeFrom(one)); err != nil {
		return explained(err, "replay delivery %s", one.Name)
	}
	if !d.noWait {
		if after, err = d.await(ctx, c, after, mark); err != nil {
			return err
		}
	}
	if err := d.print(after); err != nil {
		return err
	}
	if after.Status.Replayed == mark && after.Status.Phase == v1alpha1.DeliveryFailed {
		return &outcomeError{ExitNotLive, fmt.Sprintf("delivery %s failed again: %s", after.Name, after.Status.Message)}
	}
	return nil
}

// await waits until the server dealt with the delivery again.
func (d *deliveries) await(ctx context.Context, c client.Client, one *v1alpha1.Delivery, mark string) (*v1alpha1.Delivery, error) {
	hint := time.AfterFunc(silence, func() {
		fmt.Fprintf(d.streams.Err, "nobody has taken %s up yet; does Slipway's server run?\n", one.Name)
	})
	defer hint.Stop()
	for {
		var now v1alpha1.Delivery
		if err := c.Get(ctx, client.ObjectKeyFromObject(one), &now); err != nil {
			return nil, explained(err, "read delivery %s", one.Name)
		}
		if now.Status.Replayed == mark {
			now.ManagedFields = nil
			return &now, nil
		}
		select {
		case <-ctx.Done():
			return nil, fault.New(fault.Unavailable, "stopped waiting; delivery %s is dealt with when its project is synced, see `slipway deliveries show %s %s`", one.Name, one.Spec.Project, one.Name)
		case <-time.After(replayPoll):
		}
	}
}
