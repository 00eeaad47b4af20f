package cli

import (
	"github.com/spf13/cobra"
)

// Build says what was compiled.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

func newVersion(streams Streams, build Build) *cobra.Command {
	var format string
	command := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return newOutput(streams, format).print(build, func(t *table) {
				t.row("slipway", build.Version)
				t.row("commit", build.Commit)
				t.row("go", build.Go)
			})
		},
	}
	outputFlag(command, &format)
	return command
}
