package deliveries

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/operate"
)

// replay asks for a delivery to be handled again, and waits for it.
func (d *deliveries) replay(ctx context.Context, project, name string) error {
	c, err := d.Client()
	if err != nil {
		return err
	}
	all := operate.Deliveries{Client: c}
	one, err := all.Find(ctx, d.Scope(), project, name)
	if err != nil {
		return err
	}
	replayed, err := all.Replay(ctx, one)
	if err != nil {
		return err
	}
	after := replayed
	if !d.noWait {
		if after, err = all.AwaitReplay(ctx, replayed, func() { control.ReportUnattended(d.streams, replayed.Name) }); err != nil {
			return err
		}
	}
	if err := d.print(after); err != nil {
		return err
	}
	if operate.WasReplayed(after, replayed) && after.Status.Phase == v1alpha1.DeliveryFailed {
		return exit.Ended(exit.NotLive, fmt.Sprintf("delivery %s failed again: %s", after.Name, after.Status.Message))
	}
	return nil
}
