package render

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/render/worker"
)

// NewWorker returns the hidden command render-worker: the child process that
// manifests are rendered in.
func NewWorker(streams stream.Streams) *cobra.Command {
	return &cobra.Command{
		Use:    "render-worker",
		Short:  "Render what comes on standard input, confined",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return worker.Main(command.Context(), streams.In, streams.Out)
		},
	}
}
