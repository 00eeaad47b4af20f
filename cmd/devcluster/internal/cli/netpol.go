package cli

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/knftables"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/netpol"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/network"
)

// newNetpol is started by up; it runs until it is told to end.
func newNetpol() *cobra.Command {
	var kubeconfig, socket string
	command := &cobra.Command{
		Use:   "netpol --kubeconfig FILE --socket PATH",
		Short: "Enforce NetworkPolicies on the node's pods (started by up)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := newClient(kubeconfig)
			if err != nil {
				return err
			}
			nft, err := knftables.New(knftables.IPv4Family, network.PolicyTable)
			if err != nil {
				return fmt.Errorf("open packet filter: %w", err)
			}
			agent, err := netpol.NewAgent(client, nft, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
			if err != nil {
				return err
			}
			group, ctx := errgroup.WithContext(cmd.Context())
			group.Go(func() error {
				return agent.Run(ctx, func() {
					group.Go(func() error {
						listener, err := netpol.Listen(socket)
						if err != nil {
							return err
						}
						return agent.Serve(ctx, listener)
					})
				})
			})
			return group.Wait()
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "the agent's kubeconfig")
	command.Flags().StringVar(&socket, "socket", "", "where the network plugin finds the agent")
	return command
}
