package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/cgroup"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/component"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/network"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/node"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/prerequisite"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/state"
)

// readyLimit is how long a node, or an add-on's first pod, may take.
const readyLimit = 3 * time.Minute

// defaultIngressPort is used unless a person asks for another.
const defaultIngressPort = 8080

// programs are the folders of all compiled components.
type programs struct {
	kubernetes, containerd, runc, coredns, skipper string
}

// Up makes the whole cluster run and serve, and repairs what doesn't.
func (c *Cluster) Up(ctx context.Context, options Options) error {
	machine := prerequisite.Here{}
	if err := prerequisite.Check(machine); err != nil {
		return err
	}
	if err := node.CheckPaths(c.layout.Run); err != nil {
		return err
	}
	if err := prerequisite.Install(ctx, machine, c.report); err != nil {
		return err
	}
	built, err := c.compileAll(ctx)
	if err != nil {
		return err
	}
	return c.locked(ctx, func() error { return c.up(ctx, options, built) })
}

// compileAll compiles what runs, and helm, which people and the demo use.
func (c *Cluster) compileAll(ctx context.Context) (programs, error) {
	var built programs
	var helm string
	for _, job := range []struct {
		component component.Component
		folder    *string
	}{
		{component.Kubernetes(), &built.kubernetes}, {component.Containerd(), &built.containerd},
		{component.Runc(), &built.runc}, {component.CoreDNS(), &built.coredns},
		{component.Skipper(), &built.skipper}, {component.Helm(), &helm},
	} {
		folder, err := c.build.Build(ctx, job.component)
		if err != nil {
			return programs{}, err
		}
		*job.folder = folder
	}
	return built, nil
}

func (c *Cluster) up(ctx context.Context, options Options, built programs) error {
	if _, err := c.load(state.Full); err != nil {
		return err
	}
	if err := c.claim(); err != nil {
		return err
	}
	known, err := c.open(state.Full, options)
	if err != nil {
		return err
	}
	if err := c.prepareKernel(ctx, known, options); err != nil {
		return err
	}
	if err := c.keepSelf(); err != nil {
		return err
	}
	if err := c.startControlPlane(ctx, known, built.kubernetes); err != nil {
		return err
	}
	if err := c.startRegistry(ctx); err != nil {
		return err
	}
	if err := c.startAgents(ctx, known); err != nil {
		return err
	}
	if err := c.startNode(ctx, known, built); err != nil {
		return err
	}
	if err := c.startAddons(ctx, known, built); err != nil {
		return err
	}
	return c.writeEnv(known)
}

// prepareKernel makes groups, bridge, settings and packet filter rules, after
// it has noted what must be undone.
func (c *Cluster) prepareKernel(ctx context.Context, known *state.State, options Options) error {
	if err := c.noteAddresses(known, options); err != nil {
		return err
	}
	groups, err := cgroup.Find(layout.CgroupName)
	if err != nil {
		return err
	}
	if err := groups.Make(); err != nil {
		return err
	}
	if err := network.WriteSettings(map[string]string{"net/ipv4/ip_forward": "1"}); err != nil {
		return err
	}
	if err := network.MakeBridge(); err != nil {
		return err
	}
	return network.MakeTable(ctx, known.IngressPort)
}

// noteAddresses completes the state before anything is made.
func (c *Cluster) noteAddresses(known *state.State, options Options) error {
	port := options.IngressPort
	if port == 0 {
		port = known.IngressPort
	}
	if port == 0 {
		port = defaultIngressPort
	}
	if port != known.IngressPort {
		if err := refuseTaken(port); err != nil {
			return err
		}
	}
	known.IngressPort = port
	known.Ingress = "http://127.0.0.1:" + strconv.Itoa(port)
	known.IngressInCluster = "http://" + net.JoinHostPort(layout.BridgeAddress, strconv.Itoa(port))
	known.Registry = layout.Registry()
	known.Bridge = &state.Bridge{
		Name: layout.BridgeName, Address: layout.BridgeAddress,
		PodNetwork: layout.PodNetwork, ServiceNetwork: layout.ServiceNetwork,
	}
	if known.Sysctls == nil {
		before, err := network.ReadSettings(network.Settings())
		if err != nil {
			return err
		}
		known.Sysctls, known.MadeFolders = before, missingFolders()
	}
	return known.Save(c.stateFile())
}

// refuseTaken finds out whether another program listens on the port, whose
// connections the ingress would take away.
func refuseTaken(port int) error {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("the ingress can't have %s: %w; end the program that listens there or choose another port with --ingress-port", address, err)
	}
	return listener.Close()
}

// claim makes this cluster the machine's one full cluster.
func (c *Cluster) claim() error {
	owner, err := c.owner()
	if err != nil {
		return err
	}
	if owner != "" && owner != c.layout.Run {
		return fmt.Errorf("the cluster in %s runs on this machine, which can have one full cluster only: run devcluster down --dir %s first", owner, owner)
	}
	if err := os.MkdirAll(layout.Sockets, 0o711); err != nil {
		return fmt.Errorf("claim the machine: %w", err)
	}
	if err := os.WriteFile(ownerFile(), []byte(c.layout.Run), 0o600); err != nil {
		return fmt.Errorf("claim the machine: %w", err)
	}
	return nil
}

// owner is the folder of the machine's full cluster, empty when there is none.
func (c *Cluster) owner() (string, error) {
	raw, err := os.ReadFile(ownerFile())
	if os.IsNotExist(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find the machine's cluster: %w", err)
	}
	return string(raw), nil
}

func ownerFile() string { return filepath.Join(layout.Sockets, "owner") }
