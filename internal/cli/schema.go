package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/projectfile/schema"
)

func newSchema(streams Streams) *cobra.Command {
	var format string
	command := &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of slipway.yaml, for editors",
		GroupID: "repository",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			schema, err := schema.JSON()
			if err != nil {
				return err
			}
			if format == "text" {
				if _, err := streams.Out.Write(schema); err != nil {
					return fmt.Errorf("print: %w", err)
				}
				return nil
			}
			return output{streams, format}.print(json.RawMessage(schema), nil)
		},
	}
	outputFlag(command, &format)
	return command
}
