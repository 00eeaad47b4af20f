package stage

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
)

// approve is a command that gives a verdict.
type approve struct {
	stageCommand
	verdict  verdict
	release  int64
	identity string // the login whose account is accepted
}

// verdict is what is decided about a held release: how the command is called,
// how it is reported, and what gives it.
type verdict struct {
	use, past string
	give      func(*operate.Stage, context.Context, operate.Actor, int64) (*v1alpha1.Release, error)
	// rejects is true when a release that ends is what was wanted.
	rejects bool
	// files is true when the verdict can also be about a held project file.
	files bool
}

// NewApprove returns the command approve.
func NewApprove(streams stream.Streams) *cobra.Command {
	return newVerdict(streams, verdict{use: "approve", past: "approved", give: (*operate.Stage).Approve, files: true}, "Let a held release go on, or accept a held project file", `Let a held release go on. Your name is kept with the release. When it takes more
than one approval, the release stays held until the others are given.

Without a stage, accept the project's held slipway.yaml: exactly the one that the
Project shows as held. Members, stages and previews then are as it says. With
--identity, accept the other account at the forge that came with a member's login.

With the stage of a preview, pr-7, let the commit of a fork run that waits there: exactly
the one that `+"`slipway previews PROJECT`"+` shows.`)
}

// NewReject returns the command reject.
func NewReject(streams stream.Streams) *cobra.Command {
	return newVerdict(streams, verdict{use: "reject", past: "rejected", give: (*operate.Stage).Reject, rejects: true}, "End a held release", `End a held release: it fails, with your name and your reason.`)
}

func newVerdict(streams stream.Streams, given verdict, brief, long string) *cobra.Command {
	a := &approve{stageCommand: stageCommand{streams: streams}, verdict: given}
	command := &cobra.Command{
		Use:               given.use + " PROJECT STAGE",
		Short:             brief,
		GroupID:           "life",
		Long:              long,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.CompleteStages,
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.accept(command.Context(), args[0])
			}
			if a.identity != "" {
				return exit.WrongUsage(errors.New("--identity is of a project, not of a stage; leave the stage out"))
			}
			if given.files && isPreview(args[1]) {
				return a.preview(command.Context(), args[0], args[1])
			}
			return a.run(command.Context(), args[0], args[1])
		},
	}
	if given.files {
		command.Use, command.Args = given.use+" PROJECT [STAGE]", cobra.RangeArgs(1, 2)
		command.Flags().StringVar(&a.identity, "identity", "", "accept the account that came with this member's login instead of the file")
	}
	a.waits(command)
	command.Flags().Int64Var(&a.release, "release", 0, "the number of the release (default: the newest, which must be held)")
	return command
}

// isPreview reports whether a stage's name is that of a preview.
func isPreview(name string) bool {
	number, err := strconv.ParseInt(strings.TrimPrefix(name, "pr-"), 10, 64)
	return err == nil && name == naming.StageForPullRequest("", number)
}

func (a *approve) run(ctx context.Context, project, name string) error {
	stage, who, err := a.open(ctx, project, name)
	if err != nil {
		return err
	}
	decided, err := a.verdict.give(stage, ctx, who, a.release)
	if err != nil {
		return err
	}
	a.say("%s: release %d (%s) %s by %s", stage, decided.Spec.Sequence, brief(decided), a.verdict.past, who.Name)
	if a.noWait {
		return a.result(decided)
	}
	err = a.await(ctx, stage, decided, operate.Considered(decided, time.Now))
	var outcome *exit.OutcomeError
	if a.verdict.rejects && errors.As(err, &outcome) && outcome.Code == exit.NotLive {
		a.say("%s", outcome.Message) // that is what was wanted
		return nil
	}
	return err
}
