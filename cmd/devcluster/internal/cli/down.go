package cli

import (
	"errors"
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
			folders, err := flags.existing()
			if err != nil {
				return err
			}
			if purge && folders.Cache == "" {
				return errors.New("purge which cache? run in the checkout or name it with --cache")
			}
			if err := flags.cluster(folders, cmd.ErrOrStderr()).Down(cmd.Context()); err != nil || !purge {
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
			folders, err := flags.existing()
			if err != nil {
				return err
			}
			now, err := process.Identify(parent.PID)
			if err == nil && now.Start == parent.Start {
				if err := now.Wait(cmd.Context()); err != nil {
					return err
				}
			}
			return flags.cluster(folders, cmd.ErrOrStderr()).Down(cmd.Context())
		},
	}
	command.Flags().IntVar(&parent.PID, "parent-pid", 0, "process to watch")
	command.Flags().Uint64Var(&parent.Start, "parent-start", 0, "its start time")
	return command
}
