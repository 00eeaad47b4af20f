package offline

import (
	"github.com/spf13/cobra"
)

// StageFlags adds the flags that choose a stage.
func StageFlags(command *cobra.Command, stage, ref *string) {
	command.Flags().StringVarP(stage, "stage", "s", "", "the stage, as slipway.yaml names it")
	command.Flags().StringVar(ref, "ref", "", "the branch or tag, for a stage that is made once per branch")
}
