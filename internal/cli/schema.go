package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/projectfile"
)

func newSchema(streams Streams) *cobra.Command {
	var format string
	command := &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of slipway.yaml, for editors",
		GroupID: "repository",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			schema, err := projectfile.Schema()
			if err != nil {
				return err
			}
			if format == "text" {
				if _, err := streams.Out.Write(schema); err != nil {
					return fmt.Errorf("print: %w", err)
				}
				return nil
			}
			return newOutput(streams, format).print(json.RawMessage(schema), nil)
		},
	}
	outputFlag(command, &format)
	return command
}
