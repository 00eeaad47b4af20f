package releases

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

// releases is what the commands about a stage's releases share.
type releases struct {
	control.Connection
	streams stream.Streams
	format  string
	limit   int
}

// New returns the command releases.
func New(streams stream.Streams) *cobra.Command {
	r := &releases{streams: streams}
	command := &cobra.Command{
		Use:     "releases PROJECT STAGE",
		Short:   "List a stage's releases, show one, or what two of them differ in",
		GroupID: "see",
		Long: `List a stage's releases, newest first: what commit, by whom, what came of it. The
one that is live is marked with a star. A newer commit that changes nothing of it has
no release of its own: "a2ff6c3d (unchanged since d4e8d1d0)".`,
		Example: `  slipway releases shop production
  slipway releases show shop production 42
  slipway releases diff shop production 41 42
  slipway releases logs shop production 42`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: r.CompleteStages,
		RunE:              func(command *cobra.Command, args []string) error { return r.list(command.Context(), args[0], args[1]) },
	}
	r.Flags(command)
	output.AddFlag(command, &r.format)
	command.Flags().IntVar(&r.limit, "limit", 0, "show only so many (default: all that are kept)")
	command.AddCommand(newReleasesShow(streams), newReleasesDiff(streams), newReleasesLogs(streams))
	return command
}

func (r *releases) list(ctx context.Context, project, name string) error {
	stage, err := r.Stage(ctx, project, name)
	if err != nil {
		return err
	}
	summaries := stage.Summaries(r.limit, time.Now())
	return output.New(r.streams, r.format).Print(summaries, func(t *output.Table) {
		t.Head("", "RELEASE", "COMMIT", "TRIGGER", "BY", "PHASE", "TOOK", "BUILT", "REUSED", "AGE", "MESSAGE")
		for i, s := range summaries {
			t.Marked(output.PhaseMark(s.Phase), star(s.Live), fmt.Sprint(s.Release), operate.CommitText(s.Commit, s.Head), string(s.Trigger), output.Dash(s.By), output.Dash(string(s.Phase)),
				output.Took(&stage.Releases[i], time.Now()), fmt.Sprint(s.Built), fmt.Sprint(s.Reused), output.Age(s.Created, time.Now()), s.Message)
		}
		if line := operate.WhyNotAutomatic(stage.Object); line != "" {
			t.Marked(output.Waiting, line)
		}
	})
}

func star(live bool) string {
	if live {
		return "*"
	}
	return ""
}

// sequenceOf reads a release's number from an argument.
func sequenceOf(arg string) (int64, error) {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n < 1 {
		return 0, exit.WrongUsage(fmt.Errorf("%.40q is no number of a release; `slipway releases PROJECT STAGE` lists them", arg))
	}
	return n, nil
}

// numbered finds a release by PROJECT STAGE N.
func (r *releases) numbered(ctx context.Context, args []string) (*operate.Stage, *v1alpha1.Release, error) {
	sequence, err := sequenceOf(args[2])
	if err != nil {
		return nil, nil, err
	}
	stage, err := r.Stage(ctx, args[0], args[1])
	if err != nil {
		return nil, nil, err
	}
	rel, err := stage.Release(sequence)
	return stage, rel, err
}
