package stage

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

type approve struct {
	stageCommand
	verdict string
	release int64
}

// NewApprove returns the command approve.
func NewApprove(streams stream.Streams) *cobra.Command {
	return newVerdict(streams, v1alpha1.VerdictApprove, "Let a held release go on", `Let a held release go on. Your name is kept with the release. When it takes more
than one approval, the release stays held until the others are given.`)
}

// NewReject returns the command reject.
func NewReject(streams stream.Streams) *cobra.Command {
	return newVerdict(streams, v1alpha1.VerdictReject, "End a held release", `End a held release: it fails, with your name and your reason.`)
}

func newVerdict(streams stream.Streams, verdict, brief, long string) *cobra.Command {
	a := &approve{stageCommand: stageCommand{streams: streams}, verdict: verdict}
	command := &cobra.Command{
		Use:               verdict + " PROJECT STAGE",
		Short:             brief,
		GroupID:           "life",
		Long:              long,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.CompleteStages,
		RunE:              func(command *cobra.Command, args []string) error { return a.run(command.Context(), args[0], args[1]) },
	}
	a.waits(command)
	command.Flags().Int64Var(&a.release, "release", 0, "the number of the release (default: the newest, which must be held)")
	return command
}

func (a *approve) run(ctx context.Context, project, name string) error {
	stage, who, err := a.open(ctx, project, name)
	if err != nil {
		return err
	}
	decided, err := stage.Decide(ctx, who, a.release, a.verdict)
	if err != nil {
		return err
	}
	past := map[string]string{v1alpha1.VerdictApprove: "approved", v1alpha1.VerdictReject: "rejected"}[a.verdict]
	a.say("%s: release %d (%s) %s by %s", stage, decided.Spec.Sequence, brief(decided), past, who.Name)
	if a.noWait {
		return a.result(decided)
	}
	err = a.await(ctx, stage, decided, operate.Considered(decided, time.Now))
	var outcome *exit.OutcomeError
	if a.verdict == v1alpha1.VerdictReject && errors.As(err, &outcome) && outcome.Code == exit.NotLive {
		a.say("%s", outcome.Message) // that is what was wanted
		return nil
	}
	return err
}
