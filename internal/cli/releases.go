package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/operate"
)

// releases is what the commands about a stage's releases share.
type releases struct {
	cluster
	streams Streams
	format  string
	limit   int
}

func newReleases(streams Streams) *cobra.Command {
	r := &releases{streams: streams}
	command := &cobra.Command{
		Use:     "releases PROJECT STAGE",
		Short:   "List a stage's releases, show one, or what two of them differ in",
		GroupID: "see",
		Long: `List a stage's releases, newest first: what commit, by whom, what came of it. The
one that is live is marked with a star.`,
		Example: `  slipway releases shop production
  slipway releases show shop production 42
  slipway releases diff shop production 41 42
  slipway releases logs shop production 42`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: r.completeStages,
		RunE:              func(command *cobra.Command, args []string) error { return r.list(command.Context(), args[0], args[1]) },
	}
	r.flags(command)
	outputFlag(command, &r.format)
	command.Flags().IntVar(&r.limit, "limit", 0, "show only so many (default: all that are kept)")
	command.AddCommand(newReleasesShow(streams), newReleasesDiff(streams), newReleasesLogs(streams))
	return command
}

func (r *releases) list(ctx context.Context, project, name string) error {
	stage, err := r.stage(ctx, project, name)
	if err != nil {
		return err
	}
	summaries := stage.Summaries(r.limit, time.Now())
	return newOutput(r.streams, r.format).print(summaries, func(t *table) {
		t.head("", "RELEASE", "COMMIT", "TRIGGER", "BY", "PHASE", "TOOK", "BUILT", "REUSED", "AGE", "MESSAGE")
		for i, s := range summaries {
			t.marked(phaseMark(s.Phase), star(s.Live), fmt.Sprint(s.Release), operate.ShortCommit(s.Commit), string(s.Trigger), dash(s.By), dash(string(s.Phase)),
				took(&stage.Releases[i], time.Now()), fmt.Sprint(s.Built), fmt.Sprint(s.Reused), age(s.Created, time.Now()), s.Message)
		}
		if line := operate.WhyNotAutomatic(stage.Object); line != "" {
			t.marked(waiting, line)
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
		return 0, wrongUsage(fmt.Errorf("%.40q is no number of a release; `slipway releases PROJECT STAGE` lists them", arg))
	}
	return n, nil
}

// numbered finds a release by PROJECT STAGE N.
func (r *releases) numbered(ctx context.Context, args []string) (*operate.Stage, *v1alpha1.Release, error) {
	sequence, err := sequenceOf(args[2])
	if err != nil {
		return nil, nil, err
	}
	stage, err := r.stage(ctx, args[0], args[1])
	if err != nil {
		return nil, nil, err
	}
	rel, err := stage.Release(sequence)
	return stage, rel, err
}
