package cli

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/volume"
)

// newVolumes is started by up; it runs until it is told to end.
func newVolumes() *cobra.Command {
	var kubeconfig, root string
	command := &cobra.Command{
		Use:   "volumes --kubeconfig FILE --root DIR",
		Short: "Give volume claims folders on the node (started by up)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := newClient(kubeconfig)
			if err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			return volume.New(client, root, log).Run(cmd.Context())
		},
	}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "the provisioner's kubeconfig")
	command.Flags().StringVar(&root, "root", "", "folder that holds the volumes")
	return command
}

func newClient(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	return client, nil
}
