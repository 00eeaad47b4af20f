package control

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/operate"
)

// completionLimit is how long a shell waits for names.
const completionLimit = 2 * time.Second

// CompleteStages completes PROJECT STAGE. A cluster that doesn't answer
// completes nothing.
func (c *Connection) CompleteStages(command *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, stage := range c.knownStages(command.Context()) {
		switch {
		case len(args) == 0:
			names = append(names, stage.Spec.Project)
		case stage.Spec.Project == args[0]:
			names = append(names, stage.Spec.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}

// CompleteServices completes PROJECT STAGE SERVICE.
func (c *Connection) CompleteServices(command *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) < 2 {
		return c.CompleteStages(command, args, typed)
	}
	var names []string
	for _, stage := range c.knownStages(command.Context()) {
		if stage.Spec.Project != args[0] || stage.Spec.Name != args[1] {
			continue
		}
		for _, service := range stage.Status.Services {
			if !slices.Contains(args[2:], service.Name) {
				names = append(names, service.Name)
			}
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (c *Connection) knownStages(ctx context.Context) []v1alpha1.Stage {
	ctx, cancel := context.WithTimeout(ctx, completionLimit)
	defer cancel()
	made, err := c.Client()
	if err != nil {
		return nil
	}
	stages, err := operate.Stages{Client: made}.List(ctx, c.Scope())
	if err != nil {
		return nil
	}
	return stages
}

// CompleteReleases completes PROJECT STAGE N….
func (c *Connection) CompleteReleases(command *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) < 2 {
		return c.CompleteStages(command, args, typed)
	}
	ctx, cancel := context.WithTimeout(command.Context(), completionLimit)
	defer cancel()
	stage, err := c.Stage(ctx, args[0], args[1])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var numbers []string
	for _, rel := range stage.Releases {
		numbers = append(numbers, fmt.Sprintf("%d\t%s %s %s", rel.Spec.Sequence, rel.Status.Phase, operate.ShortCommit(rel.Spec.Head.Commit), rel.Spec.Head.Subject))
	}
	return numbers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}
