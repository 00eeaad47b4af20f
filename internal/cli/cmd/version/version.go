package version

import (
	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
)

// Build says what was compiled.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

// New returns the command version.
func New(streams stream.Streams, build Build) *cobra.Command {
	var format string
	command := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return output.New(streams, format).Print(build, func(t *output.Table) {
				t.Row("slipway", build.Version)
				t.Row("commit", build.Commit)
				t.Row("go", build.Go)
			})
		},
	}
	output.AddFlag(command, &format)
	return command
}
