package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
)

func newDown(flags *places) *cobra.Command {
	var purge bool
	command := &cobra.Command{
		Use:   "down",
		Short: "Remove the cluster and everything that it made, except the cache",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := flags.cluster(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := target.Down(cmd.Context()); err != nil || !purge {
				return err
			}
			folders, err := flags.layout()
			if err != nil {
				return err
			}
			if err := os.RemoveAll(folders.Cache); err != nil {
				return fmt.Errorf("remove cache: %w", err)
			}
			return nil
		},
	}
	command.Flags().BoolVar(&purge, "purge", false, "remove the cache too: the next up compiles everything again")
	return command
}

// newWatchParent is started by up --parent-pid and not meant for people.
func newWatchParent(flags *places) *cobra.Command {
	var parent process.Identity
	command := &cobra.Command{
		Use:    "watch-parent",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := flags.cluster(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			now, err := process.Identify(parent.PID)
			if err == nil && now.Start == parent.Start {
				if err := now.Wait(cmd.Context()); err != nil {
					return err
				}
			}
			return target.Down(cmd.Context())
		},
	}
	command.Flags().IntVar(&parent.PID, "parent-pid", 0, "process to watch")
	command.Flags().Uint64Var(&parent.Start, "parent-start", 0, "its start time")
	return command
}
