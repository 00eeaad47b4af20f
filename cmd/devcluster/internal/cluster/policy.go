package cluster

import (
	"context"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/addon"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/node"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/pki"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/state"
)

// startPolicyAgent runs this program as the agent that enforces NetworkPolicies.
// It comes before the kubelet, because no pod starts without it.
func (c *Cluster) startPolicyAgent(ctx context.Context, known *state.State) error {
	authority, err := pki.Open(c.layout.File("pki"))
	if err != nil {
		return err
	}
	kubeconfig := c.layout.File("pki", policyName+".kubeconfig")
	if err := authority.Kubeconfig(policyName, pki.Subject{User: addon.PolicyUser}, known.APIServer, kubeconfig); err != nil {
		return err
	}
	client, err := addon.NewClient(known.Kubeconfig)
	if err != nil {
		return err
	}
	if err := client.Apply(ctx, addon.PolicyAgent()); err != nil {
		return err
	}
	spec, err := c.self(policyName, "netpol", "--kubeconfig", kubeconfig, "--socket", node.PolicySocket())
	if err != nil {
		return err
	}
	return c.ensure(ctx, spec, startLimit, healthSocket(node.PolicySocket()))
}
