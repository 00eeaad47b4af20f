package cli

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/operate"
)

// replay asks for a delivery to be handled again, and waits for it.
func (d *deliveries) replay(ctx context.Context, project, name string) error {
	c, err := d.client()
	if err != nil {
		return err
	}
	all := operate.Deliveries{Client: c}
	one, err := all.Find(ctx, d.scope(), project, name)
	if err != nil {
		return err
	}
	replayed, err := all.Replay(ctx, one)
	if err != nil {
		return err
	}
	after := replayed
	if !d.noWait {
		if after, err = all.AwaitReplay(ctx, replayed, func() { unattended(d.streams, replayed.Name) }); err != nil {
			return err
		}
	}
	if err := d.print(after); err != nil {
		return err
	}
	if operate.WasReplayed(after, replayed) && after.Status.Phase == v1alpha1.DeliveryFailed {
		return ended(ExitNotLive, fmt.Sprintf("delivery %s failed again: %s", after.Name, after.Status.Message))
	}
	return nil
}
