package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/cgroup"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/lock"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/mount"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/network"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
)

// Down removes the cluster: processes, what it made in the kernel, and its
// folder. It needs no readable state, so it also removes a broken cluster; a
// cluster that isn't there is no error.
func (c *Cluster) Down(ctx context.Context) error {
	held, err := lock.Acquire(ctx, c.lockFile())
	if err != nil {
		return err
	}
	if err := c.remove(ctx); err != nil {
		held.Release()
		return err
	}
	return held.Discard()
}

func (c *Cluster) remove(ctx context.Context) error {
	if _, err := os.Stat(c.layout.Run); errors.Is(err, os.ErrNotExist) {
		return process.Sweep(ctx, c.layout.Run, time.Second)
	}
	return c.report.Step("devcluster", "removing", func() error {
		if err := c.stopAll(ctx); err != nil {
			return err
		}
		if err := c.cleanKernel(ctx); err != nil {
			return err
		}
		if err := os.RemoveAll(c.layout.Run); err != nil {
			return fmt.Errorf("remove cluster folder: %w", err)
		}
		return nil
	})
}

// stopAll ends every process. Nobody needs their data any more, so there is no
// grace beyond what the kernel takes.
func (c *Cluster) stopAll(ctx context.Context) error {
	names, err := c.table.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		id, known := c.table.Identity(name)
		if known && id.PID == os.Getpid() {
			continue // the watcher brings the cluster down itself
		}
		if err := c.table.Stop(ctx, name, 0); err != nil {
			return err
		}
	}
	return process.Sweep(ctx, c.layout.Run, 0)
}

// cleanKernel undoes what a full cluster made outside of its folder, if this is
// the machine's.
func (c *Cluster) cleanKernel(ctx context.Context) error {
	owner, err := c.owner()
	if err != nil || owner != c.layout.Run {
		return err
	}
	groups, err := cgroup.Find(layout.CgroupName)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// Processes first: they hold mounts and network namespaces.
	if err := groups.Remove(limited); err != nil {
		return err
	}
	if err := mount.RemoveBelow(c.layout.Run, layout.Sockets); err != nil {
		return err
	}
	if err := errors.Join(network.RemoveDevices(), network.RemoveTables(ctx), c.restore(), c.removeEntries()); err != nil {
		return err
	}
	if err := os.RemoveAll(layout.Sockets); err != nil {
		return fmt.Errorf("remove sockets: %w", err)
	}
	return nil
}
