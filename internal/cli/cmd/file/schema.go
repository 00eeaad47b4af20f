package file

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/projectfile/schema"
)

// NewSchema returns the command schema.
func NewSchema(streams stream.Streams) *cobra.Command {
	var format string
	command := &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of slipway.yaml, for editors",
		GroupID: "repository",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			content, err := schema.JSON()
			if err != nil {
				return err
			}
			if format == "text" {
				if _, err := streams.Out.Write(content); err != nil {
					return fmt.Errorf("print: %w", err)
				}
				return nil
			}
			return output.New(streams, format).Print(json.RawMessage(content), nil)
		},
	}
	output.AddFlag(command, &format)
	return command
}
