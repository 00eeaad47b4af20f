package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/component"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/controlplane"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/pki"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/state"
)

// startLimit is how long one program may take to serve; a busy machine is slow.
const startLimit = 90 * time.Second

// UpControlPlane makes etcd, API server and controller manager run and serve.
// It needs no root and touches nothing outside the two folders.
func (c *Cluster) UpControlPlane(ctx context.Context, options Options) error {
	programs, err := c.build.Build(ctx, component.Kubernetes())
	if err != nil {
		return err
	}
	return c.locked(ctx, func() error {
		known, err := c.open(state.ControlPlane, options)
		if err != nil {
			return err
		}
		// Ports are free when they are chosen, not when they are bound: another
		// cluster may be quicker.
		for attempt := 1; ; attempt++ {
			err := c.startControlPlane(ctx, known, programs)
			if err == nil {
				break
			}
			if attempt == 3 || !strings.Contains(err.Error(), "address already in use") {
				return err
			}
			if err := c.forgetPorts(ctx, known); err != nil {
				return err
			}
		}
		return c.writeEnv(known)
	})
}

// open loads or makes the state and starts the watch on the parent process.
func (c *Cluster) open(mode state.Mode, options Options) (*state.State, error) {
	known, err := c.load(mode)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.layout.Run, 0o711); err != nil {
		return nil, fmt.Errorf("make cluster folder: %w", err)
	}
	known.Mode, known.Dir, known.Cache, known.Kubeconfig = mode, c.layout.Run, c.layout.Cache, c.layout.Kubeconfig()
	if options.ParentPID == 0 {
		return known, known.Save(c.stateFile())
	}
	parent, err := process.Identify(options.ParentPID)
	if err != nil {
		return nil, fmt.Errorf("find parent process %d: %w", options.ParentPID, err)
	}
	known.Parent = &parent
	if err := known.Save(c.stateFile()); err != nil {
		return nil, err
	}
	return known, c.watchParent(parent)
}

// load refuses a cluster of another mode.
func (c *Cluster) load(mode state.Mode) (*state.State, error) {
	known, err := state.LoadOrNew(c.stateFile())
	if err != nil {
		return nil, err
	}
	if known.Mode != "" && known.Mode != mode {
		return nil, fmt.Errorf("%s holds a cluster in %s mode: run devcluster down --dir %s first, or choose another --dir", c.layout.Run, known.Mode, c.layout.Run)
	}
	return known, nil
}

// watchParent starts the process that brings the cluster down when the parent ends.
func (c *Cluster) watchParent(parent process.Identity) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	_, err = c.table.Ensure(context.Background(), process.Spec{
		Name: watcher, Path: self,
		Args: []string{
			"watch-parent", "--parent-pid", fmt.Sprint(parent.PID), "--parent-start", fmt.Sprint(parent.Start),
			"--source", c.layout.Source, "--dir", c.layout.Run, "--cache", c.layout.Cache,
		},
		Env: process.Environment(c.layout.Run),
	})
	return err
}

// startControlPlane issues what the programs need and starts them in order.
func (c *Cluster) startControlPlane(ctx context.Context, known *state.State, programs string) error {
	config, err := c.controlPlaneConfig(known, programs)
	if err != nil {
		return err
	}
	known.APIServer = config.URL()
	if err := known.Save(c.stateFile()); err != nil {
		return err
	}
	if err := config.Issue(); err != nil {
		return err
	}
	prober, err := controlplane.NewProber(config)
	if err != nil {
		return err
	}
	for _, spec := range config.Specs() {
		if err := c.ensure(ctx, spec, startLimit, prober.Healthy); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) controlPlaneConfig(known *state.State, programs string) (controlplane.Config, error) {
	authority, err := pki.Open(c.layout.File("pki"))
	if err != nil {
		return controlplane.Config{}, err
	}
	frontProxy, err := pki.Open(c.layout.File("pki", "front-proxy"))
	if err != nil {
		return controlplane.Config{}, err
	}
	store, err := pki.Open(c.layout.File("pki", "etcd"))
	if err != nil {
		return controlplane.Config{}, err
	}
	config := controlplane.Config{
		Layout: c.layout, Programs: programs, Host: "127.0.0.1",
		Authority: authority, FrontProxy: frontProxy, Store: store,
	}
	if known.Mode == state.Full {
		config.Host, config.Advertise, config.APIServerPort = layout.BridgeAddress, true, layout.APIServerPort
	} else if config.APIServerPort, err = known.Port(controlplane.APIServer); err != nil {
		return config, err
	}
	var failures [3]error
	config.EtcdPort, failures[0] = known.Port(controlplane.Etcd)
	config.EtcdPeerPort, failures[1] = known.Port(controlplane.Etcd + "-peer")
	config.ControllerManagerPort, failures[2] = known.Port(controlplane.ControllerManager)
	return config, errors.Join(failures[:]...)
}

// forgetPorts ends what runs and lets new ports be chosen. Kubeconfigs are
// written anew by the next start.
func (c *Cluster) forgetPorts(ctx context.Context, known *state.State) error {
	for _, name := range []string{controlplane.ControllerManager, controlplane.APIServer, controlplane.Etcd} {
		if err := c.table.Stop(ctx, name, 5*time.Second); err != nil {
			return err
		}
	}
	clear(known.Ports)
	return nil
}
