package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/component"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/lock"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/progress"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/state"
)

// watcher is the process that brings the cluster down when its parent ends.
const watcher = "watch-parent"

// Cluster is the one in a layout's run folder, whether it runs or not.
type Cluster struct {
	layout layout.Layout
	table  *process.Table
	build  *component.Builder
	report *progress.Reporter
}

// New reports progress to out.
func New(places layout.Layout, out io.Writer) *Cluster {
	report := progress.New(out)
	return &Cluster{
		layout: places,
		table:  process.NewTable(places.Run),
		build:  component.NewBuilder(places.Source, places.Cache, report),
		report: report,
	}
}

// Options are what a person asks of up.
type Options struct {
	// ParentPID, when not 0, is the process whose end ends the cluster.
	ParentPID int
	// IngressPort is the ingress's port on loopback and on the bridge.
	IngressPort int
}

func (c *Cluster) stateFile() string { return c.layout.File("state.json") }

func (c *Cluster) lockFile() string { return c.layout.Run + ".lock" }

// locked runs work while no other devcluster works on the same folder. The lock
// is beside the folder, because down removes the folder.
func (c *Cluster) locked(ctx context.Context, work func() error) error {
	held, err := lock.Acquire(ctx, c.lockFile())
	if err != nil {
		return err
	}
	defer held.Release()
	return work()
}

// await asks until the process answers, ends, or the time is over.
func (c *Cluster) await(ctx context.Context, name string, limit time.Duration, healthy question) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := healthy(ctx, name)
		if err == nil {
			return nil
		}
		if !c.table.Alive(name) {
			return fmt.Errorf("%s: ended instead of starting; last lines of %s:\n%s", name, c.table.LogFile(name), c.table.Tail(name, 15))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not ready after %s: %w; its output is in %s", name, limit, err, c.table.LogFile(name))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// ensure starts each process that doesn't run as it should and waits for it.
func (c *Cluster) ensure(ctx context.Context, spec process.Spec, limit time.Duration, healthy question) error {
	started, err := c.table.Ensure(ctx, spec)
	if err != nil {
		return err
	}
	if !started {
		return c.await(ctx, spec.Name, limit, healthy)
	}
	return c.report.Step(spec.Name, "starting", func() error {
		return c.await(ctx, spec.Name, limit, healthy)
	})
}

// writeEnv leaves a file that shells and tests read to use the cluster.
func (c *Cluster) writeEnv(known *state.State) error {
	text := fmt.Sprintf("KUBECONFIG=%s\n", known.Kubeconfig)
	if known.Registry != "" {
		text += fmt.Sprintf("DEVCLUSTER_REGISTRY=%s\nDEVCLUSTER_INGRESS=%s\n", known.Registry, known.Ingress)
	}
	if err := os.WriteFile(c.layout.File("env"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write environment file: %w", err)
	}
	return nil
}
