package cli

import (
	"context"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

func newPause(streams Streams) *cobra.Command {
	p := &stageCommand{streams: streams}
	command := &cobra.Command{
		Use:     "pause PROJECT STAGE",
		Short:   "Stop a stage's automatic releases",
		GroupID: "life",
		Long: `Stop a stage's automatic releases: pushes wait until 'slipway resume'. What runs
goes on running and is kept as it should be. A rollback, a restart and a scale
are still done; a deploy and a promotion are refused until then.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: p.completeStages,
		RunE:              func(command *cobra.Command, args []string) error { return p.pause(command.Context(), args[0], args[1]) },
	}
	p.flags(command)
	outputFlag(command, &p.format)
	command.Flags().StringVar(&p.reason, "reason", "", "why, for those who wonder where their push is")
	return command
}

func newResume(streams Streams) *cobra.Command {
	p := &stageCommand{streams: streams}
	command := &cobra.Command{
		Use:     "resume PROJECT STAGE",
		Short:   "Let a paused stage release by itself again",
		GroupID: "life",
		Long: `Let a paused stage release by itself again. What was pushed last while it was
paused is released now.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: p.completeStages,
		RunE: func(command *cobra.Command, args []string) error {
			return p.resume(command.Context(), args[0], args[1])
		},
	}
	p.flags(command)
	outputFlag(command, &p.format)
	return command
}

func (p *stageCommand) pause(ctx context.Context, project, stage string) error {
	about, err := p.subject(ctx, project, stage)
	if err != nil {
		return err
	}
	if was := about.stage.Spec.Pause; was != nil {
		p.say("%s is paused already, %s", about, pausedBy(was))
		return p.result(about.stage)
	}
	user, err := whoAmI(ctx, about.client)
	if err != nil {
		return err
	}
	after := about.stage.DeepCopy()
	after.Spec.Pause = &v1alpha1.Pause{By: user, Reason: p.reason, At: metav1.Now()}
	if err := about.change(ctx, after, "pause"); err != nil {
		return err
	}
	p.say("%s is paused, %s; `slipway resume %s` ends it", about, pausedBy(after.Spec.Pause), about.args())
	return p.result(after)
}

func (p *stageCommand) resume(ctx context.Context, project, stage string) error {
	about, err := p.subject(ctx, project, stage)
	if err != nil {
		return err
	}
	was := about.stage.Spec.Pause
	if was == nil {
		p.say("%s is not paused", about)
		return p.result(about.stage)
	}
	after := about.stage.DeepCopy()
	after.Spec.Pause = nil
	if err := about.change(ctx, after, "resume"); err != nil {
		return err
	}
	p.say("%s goes on; it was paused %s", about, pausedBy(was))
	return p.result(after)
}

// pausedBy says who paused a stage, since when and why.
func pausedBy(pause *v1alpha1.Pause) string {
	text := "by " + pause.By + " since " + pause.At.UTC().Format("2006-01-02 15:04 MST")
	if pause.Reason != "" {
		text += ": " + pause.Reason
	}
	return text
}

// change writes what a person changed in the stage's spec.
func (s *subject) change(ctx context.Context, after *v1alpha1.Stage, deed string) error {
	return explained(s.client.Patch(ctx, after, client.MergeFrom(s.stage)), "%s stage %s", deed, s)
}
