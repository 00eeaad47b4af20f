package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/cluster"
)

func newStatus(flags *places) *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "status",
		Short: "Say where the cluster is and how its programs are; fails unless all are well",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folders, err := flags.existing()
			if err != nil {
				return err
			}
			status, err := flags.cluster(folders, cmd.ErrOrStderr()).Status(cmd.Context())
			if errors.Is(err, cluster.ErrNone) {
				return fmt.Errorf("no cluster in %s: run devcluster up", folders.Run)
			}
			if err != nil {
				return err
			}
			if err := printStatus(cmd.OutOrStdout(), status, output); err != nil {
				return err
			}
			if !status.Healthy() {
				return errors.New("a program is not well: run devcluster up to repair")
			}
			return nil
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return command
}

func printStatus(out io.Writer, status *cluster.Status, format string) error {
	switch format {
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(status)
	case "text":
		return printTable(out, status)
	}
	return fmt.Errorf("unknown output %q: use text or json", format)
}

func printTable(out io.Writer, status *cluster.Status) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"mode", string(status.Mode)}, {"folder", status.Dir}, {"kubeconfig", status.Kubeconfig}, {"API server", status.APIServer},
		{"registry", status.Registry}, {"ingress", status.Ingress},
	} {
		if row[1] != "" {
			fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
		}
	}
	for _, component := range status.Components {
		condition := "well"
		if !component.Healthy {
			condition = component.Problem
		}
		place := "in the cluster"
		if component.PID != 0 {
			place = fmt.Sprintf("pid %d", component.PID)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", component.Name, place, condition)
	}
	return table.Flush()
}

func newKubeconfig(flags *places) *cobra.Command {
	var path bool
	command := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the administrator's kubeconfig, or with --path where it is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folders, err := flags.existing()
			if err != nil {
				return err
			}
			raw, err := os.ReadFile(folders.Kubeconfig())
			if errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("no cluster in %s: run devcluster up", folders.Run)
			}
			if err != nil {
				return fmt.Errorf("read kubeconfig: %w", err)
			}
			if path {
				raw = []byte(folders.Kubeconfig() + "\n")
			}
			_, err = cmd.OutOrStdout().Write(raw)
			return err
		},
	}
	command.Flags().BoolVar(&path, "path", false, "print the file's path instead of its content")
	return command
}
