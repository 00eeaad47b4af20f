package stage

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/operate"
	"github.com/slipway-dev/slipway/internal/release"
)

// stageCommand is what the commands share that ask something of a stage.
type stageCommand struct {
	control.Connection
	streams stream.Streams
	format  string
	noWait  bool
	reason  string
}

// waits adds the flags of a command that asks for a release and waits for it.
func (s *stageCommand) waits(command *cobra.Command) {
	s.Flags(command)
	output.AddFlag(command, &s.format)
	flags := command.Flags()
	flags.BoolVar(&s.noWait, "no-wait", false, "return as soon as the release is asked for")
	flags.StringVar(&s.reason, "reason", "", "why, for those who read the release")
}

// open finds a stage, and who asks something of it.
func (s *stageCommand) open(ctx context.Context, project, name string) (*operate.Stage, operate.Actor, error) {
	made, err := s.Client()
	if err != nil {
		return nil, operate.Actor{}, err
	}
	stage, err := s.StageWith(ctx, made, project, name)
	if err != nil {
		return nil, operate.Actor{}, err
	}
	user, err := operate.WhoAmI(ctx, made)
	return stage, operate.Actor{Name: user, Reason: s.reason}, err
}

// requestAndWait requests a release of a stage and follows it to its end.
func (s *stageCommand) requestAndWait(ctx context.Context, project, name string, request func(*operate.Stage, operate.Actor) (*v1alpha1.Release, error)) error {
	stage, who, err := s.open(ctx, project, name)
	if err != nil {
		return err
	}
	rel, err := request(stage, who)
	if err != nil {
		return err
	}
	return s.wait(ctx, stage, rel)
}

// wait follows a release that was requested, unless the user doesn't want to.
func (s *stageCommand) wait(ctx context.Context, stage *operate.Stage, rel *v1alpha1.Release) error {
	s.say("%s: release %d, a %s, asked for by %s", stage, rel.Spec.Sequence, brief(rel), rel.Spec.By)
	if s.noWait {
		s.say("`slipway releases show %s %d` shows its progress", stage.Arguments(), rel.Spec.Sequence)
		return s.result(rel)
	}
	return s.await(ctx, stage, rel, func(r *v1alpha1.Release) bool { return r.Status.Phase == v1alpha1.PhaseHeld })
}

// brief says what kind of release it is and what it brings.
func brief(rel *v1alpha1.Release) string {
	what := string(rel.Spec.Trigger) + " of " + operate.ShortCommit(rel.Spec.Head.Commit)
	if rel.Spec.From != "" {
		what += " from " + rel.Spec.From
	}
	return what
}

// await follows a release until it is done, or stops for the caller's reason,
// and ends the command with what came of it.
func (s *stageCommand) await(ctx context.Context, stage *operate.Stage, rel *v1alpha1.Release, stops func(*v1alpha1.Release) bool) error {
	known := len(rel.Status.Timings)
	show := &progress{out: s.streams.Out, terminal: s.streams.Terminal, off: s.format != "text", first: known, shown: known}
	last, err := stage.Follow(ctx, rel, func(update operate.Update) bool {
		if update.Unattended {
			control.ReportUnattended(s.streams, rel.Name)
			return false
		}
		show.release(update.Release)
		return update.Release.Status.Phase.Done() || stops(update.Release)
	})
	show.end()
	if ctx.Err() != nil {
		return fault.New(fault.Unavailable, "stopped waiting; release %d of %s goes on, see `slipway releases show %s %d`", rel.Spec.Sequence, stage, stage.Arguments(), rel.Spec.Sequence)
	}
	if err != nil {
		return err
	}
	return s.conclude(stage, last)
}

// conclude says what came of a release and turns it into an exit code.
func (s *stageCommand) conclude(stage *operate.Stage, rel *v1alpha1.Release) error {
	if err := s.result(rel); err != nil {
		return err
	}
	number := rel.Spec.Sequence
	switch rel.Status.Phase {
	case v1alpha1.PhaseSucceeded:
		if rel.Spec.Trigger.Sleeps() {
			s.say("%s is asleep; `slipway wake %s` wakes it", stage, stage.Arguments())
			return nil
		}
		s.say("%s: release %d is live in %s%s", stage, number, output.Took(rel, time.Now()), withURL(rel.Status.URL))
		return nil
	case v1alpha1.PhaseHeld:
		return exit.Ended(exit.Held, fmt.Sprintf("%s: release %d is held: %s; `slipway approve %s` lets it go on, by someone who may", stage, number, rel.Status.Message, stage.Arguments()))
	case v1alpha1.PhaseSuperseded:
		return exit.Ended(exit.NotLive, fmt.Sprintf("%s: release %d did not go live: %s; see `slipway releases %s`", stage, number, rel.Status.Message, stage.Arguments()))
	}
	if release.IsRefused(rel) {
		return exit.Ended(exit.Findings, fmt.Sprintf("%s: release %d is refused: %s", stage, number, rel.Status.Message))
	}
	return exit.Ended(exit.NotLive, fmt.Sprintf("%s: release %d failed: %s", stage, number, rel.Status.Message))
}

func withURL(url string) string {
	if url == "" {
		return ""
	}
	return ": " + url
}

// say prints a line for people, and nothing when a program reads.
func (s *stageCommand) say(format string, args ...any) {
	if s.format == "text" {
		fmt.Fprintln(s.streams.Out, output.Printable(fmt.Sprintf(format, args...)))
	}
}

// result prints an object for programs; people have read it by lines.
func (s *stageCommand) result(object client.Object) error {
	if s.format == "text" {
		return nil
	}
	object.SetManagedFields(nil)
	return output.New(s.streams, s.format).Print(object, nil)
}
