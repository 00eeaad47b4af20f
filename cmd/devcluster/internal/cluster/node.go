package cluster

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/addon"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/seed"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/network"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/node"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/pki"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/progress"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/state"
)

// Names of the processes that are this program itself.
const (
	registryName = "registry"
	policyName   = "netpol"
	volumesName  = "volumes"
)

// pauseImage is where the registry keeps the image that every pod starts with.
func pauseImage() string { return layout.Registry() + "/devcluster/pause:1" }

// startRegistry runs this program as the registry.
func (c *Cluster) startRegistry(ctx context.Context) error {
	spec, err := c.self(registryName, "registry", "--listen", layout.Registry(), "--data", c.layout.File("registry"))
	if err != nil {
		return err
	}
	return c.ensure(ctx, spec, startLimit, healthURL("http://"+layout.Registry()+"/v2/"))
}

// startNode makes the one node run and take pods.
func (c *Cluster) startNode(ctx context.Context, known *state.State, built programs) error {
	seeder := seed.New(c.layout.Cache, c.layout.Source, stepsOnly{c.report})
	if _, err := seeder.PushAs(ctx, "pause:1", pauseImage()); err != nil {
		return err
	}
	config, err := c.nodeConfig(known, built)
	if err != nil {
		return err
	}
	if err := config.Issue(); err != nil {
		return err
	}
	specs, err := config.Specs()
	if err != nil {
		return err
	}
	health := nodeHealth(config)
	for _, spec := range specs {
		if err := c.ensure(ctx, spec, startLimit, health[spec.Name]); err != nil {
			return err
		}
	}
	client, err := addon.NewClient(known.Kubeconfig)
	if err != nil {
		return err
	}
	return c.awaitUnlessReady(ctx, "node", client.NodeReady, client.AwaitNode)
}

func (c *Cluster) nodeConfig(known *state.State, built programs) (node.Config, error) {
	authority, err := pki.Open(c.layout.File("pki"))
	if err != nil {
		return node.Config{}, err
	}
	config := node.Config{
		Layout: c.layout, Kubernetes: built.kubernetes, Containerd: built.containerd, Runc: built.runc,
		Authority: authority, APIServer: known.APIServer, PauseImage: pauseImage(), Plugins: c.selfFolder(),
	}
	var failures [6]error
	config.MTU, failures[0] = network.MTU()
	config.Memory, failures[1] = node.MachineMemory()
	config.SchedulerPort, failures[2] = known.Port(node.Scheduler)
	config.KubeletHealthPort, failures[3] = known.Port(node.Kubelet)
	config.ProxyHealthPort, failures[4] = known.Port(node.Proxy)
	config.ProxyMetricsPort, failures[5] = known.Port(node.Proxy + "-metrics")
	if err := errors.Join(failures[:]...); err != nil {
		return node.Config{}, err
	}
	return config, known.Save(c.stateFile())
}

// startAddons gives the cluster DNS, ingress and network policies.
func (c *Cluster) startAddons(ctx context.Context, known *state.State, built programs) error {
	client, err := addon.NewClient(known.Kubeconfig)
	if err != nil {
		return err
	}
	config := addon.Config{IngressPort: known.IngressPort}
	if config.IngressSupportPort, err = known.Port(addon.Ingress); err != nil {
		return err
	}
	if err := known.Save(c.stateFile()); err != nil {
		return err
	}
	if config.DNSImage, err = addon.PushProgram(ctx, layout.Registry(), filepath.Join(built.coredns, addon.DNS)); err != nil {
		return err
	}
	if config.IngressImage, err = addon.PushProgram(ctx, layout.Registry(), filepath.Join(built.skipper, addon.Ingress)); err != nil {
		return err
	}
	if err := client.Apply(ctx, config.Objects()); err != nil {
		return err
	}
	if err := c.awaitUnlessReady(ctx, "cluster DNS", client.DNSReady, client.AwaitDNS); err != nil {
		return err
	}
	return c.awaitUnlessReady(ctx, "ingress", client.IngressReady, client.AwaitIngress)
}

// stepsOnly tells what takes time, and not that there was nothing to do.
type stepsOnly struct{ *progress.Reporter }

// Say says nothing.
func (stepsOnly) Say(string, ...any) {}
