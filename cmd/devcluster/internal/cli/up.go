package cli

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/cluster"
)

func newUp(flags *places) *cobra.Command {
	var options cluster.Options
	var controlPlane bool
	command := &cobra.Command{
		Use:   "up",
		Short: "Make the cluster run; repair what doesn't",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folders, err := flags.whole()
			if err != nil {
				return err
			}
			target := flags.cluster(folders, cmd.ErrOrStderr())
			if controlPlane {
				return target.UpControlPlane(cmd.Context(), options)
			}
			return target.Up(cmd.Context(), options)
		},
	}
	command.Flags().BoolVar(&controlPlane, "control-plane", false,
		"etcd, kube-apiserver and kube-controller-manager only: no root needed, any number side by side in different --dir")
	command.Flags().IntVar(&options.ParentPID, "parent-pid", 0, "remove the cluster when this process ends")
	command.Flags().IntVar(&options.IngressPort, "ingress-port", 0, "port of the ingress on 127.0.0.1 and on the bridge (default 8080)")
	return command
}
