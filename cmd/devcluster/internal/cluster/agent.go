package cluster

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/addon"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/node"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/pki"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/state"
)

// startAgents runs this program as the agents that a node needs beside the
// kubelet. They come before it: no pod starts without the policy agent.
func (c *Cluster) startAgents(ctx context.Context, known *state.State) error {
	policies := agent{name: policyName, user: addon.PolicyUser, rights: addon.PolicyAgent()}
	policies.args = []string{"--socket", node.PolicySocket()}
	policies.healthy = healthSocket(node.PolicySocket())
	volumes := agent{name: volumesName, user: addon.VolumeUser, rights: addon.VolumeProvisioner()}
	volumes.args = []string{"--root", c.layout.File("volumes")}
	volumes.healthy = isRunning
	for _, one := range []agent{policies, volumes} {
		if err := c.startAgent(ctx, known, one); err != nil {
			return err
		}
	}
	return nil
}

// agent is this program in a role of its own at the API server.
type agent struct {
	// name is also the subcommand's.
	name, user string
	rights     []runtime.Object
	args       []string
	healthy    question
}

func (c *Cluster) startAgent(ctx context.Context, known *state.State, one agent) error {
	authority, err := pki.Open(c.layout.File("pki"))
	if err != nil {
		return err
	}
	kubeconfig := c.layout.File("pki", one.name+".kubeconfig")
	if err := authority.Kubeconfig(one.name, pki.Subject{User: one.user}, known.APIServer, kubeconfig); err != nil {
		return err
	}
	client, err := addon.NewClient(known.Kubeconfig)
	if err != nil {
		return err
	}
	if err := client.Apply(ctx, one.rights); err != nil {
		return err
	}
	spec, err := c.self(one.name, append([]string{one.name, "--kubeconfig", kubeconfig}, one.args...)...)
	if err != nil {
		return err
	}
	return c.ensure(ctx, spec, startLimit, one.healthy)
}
