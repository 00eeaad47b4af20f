package diff

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/compare"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
	"github.com/slipway-dev/slipway/internal/release"
)

type diffCommand struct {
	offline.Rendering
	stages   []string
	ref      string
	names    bool
	exitCode bool
	format   string
}

// New returns the command diff.
func New(streams stream.Streams) *cobra.Command {
	d := &diffCommand{Rendering: offline.Rendering{Repository: offline.Repository{Streams: streams}}}
	live := &liveDiff{streams: streams}
	command := &cobra.Command{
		Use:     "diff (PROJECT STAGE | --stage A [--stage B] [--commit FROM[..TO]])",
		Short:   "Show what others changed in a live stage; or, in a repository, how stages or commits differ",
		GroupID: "see",
		Long: `With PROJECT STAGE: show how what is live differs from what was applied last:
each field as it should be (-) and as it is (+), and who changed it. Nothing is
written; it takes the rights to read the stage's namespace and the kept bundle,
a Secret in the organization's.

With --stage, in a repository and without a cluster: show how two stages, or one
stage at two commits, differ once rendered, as a unified diff per object. Two
stages are compared as if both had the first one's name, namespace and hosts'
names, so that only what they are made of differs; --names shows those too. One
stage is compared from --commit FROM to TO, or to the working tree, or without
--commit from HEAD to the working tree.`,
		Example: `  slipway diff shop production
  slipway diff --stage staging --stage production
  slipway diff --stage production --commit v1.0..main
  slipway diff --stage dev`,
		Args:              eitherStages,
		ValidArgsFunction: live.CompleteStages,
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 0 {
				return d.run(command.Context())
			}
			if command.Flags().Changed("organization") {
				live.Organization = d.Organization
			}
			live.format, live.exitCode = d.format, d.exitCode
			return live.run(command.Context(), args[0], args[1])
		},
	}
	d.Flags(command)
	flags := command.Flags()
	flags.StringArrayVarP(&d.stages, "stage", "s", nil, "a stage, as slipway.yaml names it; give it twice to compare two")
	flags.StringVar(&d.ref, "ref", "", "the branch or tag, for a stage that is made once per branch")
	flags.BoolVar(&d.names, "names", false, "compare two stages with their own names, namespaces and hosts")
	flags.BoolVar(&d.exitCode, "exit-code", false, "exit with 3 when there is a difference")
	output.AddFlag(command, &d.format)
	live.ReachFlags(command)
	live.there.Flags(command)
	return command
}

// eitherStages wants PROJECT STAGE or --stage, and not both.
func eitherStages(command *cobra.Command, args []string) error {
	isOffline := command.Flags().Changed("stage")
	switch {
	case len(args) == 0 && !isOffline:
		return errors.New("say PROJECT STAGE to compare what is live, or --stage to compare what would be rendered here")
	case len(args) > 0 && isOffline:
		return errors.New("PROJECT STAGE compares what is live and --stage what would be rendered here; give one of the two")
	case len(args) != 0 && len(args) != 2:
		return fmt.Errorf("say PROJECT STAGE; got %d arguments", len(args))
	}
	return nil
}

func (d *diffCommand) run(ctx context.Context) error {
	if err := d.Load(); err != nil {
		return err
	}
	before, after, err := d.sides(ctx)
	if err != nil {
		return err
	}
	differences, err := objects(before, after)
	if err != nil {
		return err
	}
	if err := compare.Print(d.Streams, d.format, differences); err != nil {
		return err
	}
	if d.exitCode && len(differences) > 0 {
		return exit.Found(len(differences))
	}
	return nil
}

// sides renders what is compared.
func (d *diffCommand) sides(ctx context.Context) (before, after offline.Rendered, err error) {
	switch len(d.stages) {
	case 1:
		return d.commits(ctx, d.stages[0])
	case 2:
		return d.twoStages(ctx, d.stages[0], d.stages[1])
	}
	return before, after, exit.WrongUsage(errors.New("give --stage once to compare commits, or twice to compare two stages"))
}

// commits renders one stage in two states of the repository.
func (d *diffCommand) commits(ctx context.Context, stage string) (before, after offline.Rendered, err error) {
	from, to, _ := strings.Cut(d.Commit, "..")
	if from == "" {
		from = "HEAD"
	}
	if before, err = d.at(ctx, stage, from); err != nil {
		return before, after, err
	}
	after, err = d.at(ctx, stage, to)
	return before, after, err
}

// at renders a stage at a revision, or as the working tree has it.
func (d *diffCommand) at(ctx context.Context, stage, revision string) (offline.Rendered, error) {
	opened, err := d.OpenAt(revision)
	if err != nil {
		return offline.Rendered{}, err
	}
	target, err := offline.Choose(opened.Document.File, stage, d.ref)
	if err != nil {
		return offline.Rendered{}, fmt.Errorf("%s: %w", opened, err)
	}
	return d.RenderStage(ctx, opened, target.Rule, d.Place(opened.Document.File.Project, target.Name))
}

// twoStages renders two stages of one state of the repository.
func (d *diffCommand) twoStages(ctx context.Context, first, second string) (before, after offline.Rendered, err error) {
	if strings.Contains(d.Commit, "..") {
		return before, after, exit.WrongUsage(errors.New("two stages are compared at one commit; give --commit a single one, or --stage once"))
	}
	opened, err := d.Open()
	if err != nil {
		return before, after, err
	}
	var at release.Place
	for i, side := range []*offline.Rendered{&before, &after} {
		target, err := offline.Choose(opened.Document.File, []string{first, second}[i], d.refFor(opened, []string{first, second}[i]))
		if err != nil {
			return before, after, err
		}
		if i == 0 || d.names {
			at = d.Place(opened.Document.File.Project, target.Name)
		}
		if *side, err = d.RenderStage(ctx, opened, target.Rule, at); err != nil {
			return before, after, err
		}
	}
	return before, after, nil
}

// refFor returns the given ref for the one of two stages that needs it.
func (d *diffCommand) refFor(opened offline.Snapshot, stage string) string {
	if rule, found := opened.Document.File.Stage(stage); found && rule.Pattern() {
		return d.ref
	}
	return ""
}

// objects returns the objects that differ, by name.
func objects(before, after offline.Rendered) ([]compare.Difference, error) {
	left, err := compare.SplitByName(before.Result.Manifests)
	if err != nil {
		return nil, err
	}
	right, err := compare.SplitByName(after.Result.Manifests)
	if err != nil {
		return nil, err
	}
	at := func(side offline.Rendered) func(string) string {
		return func(name string) string { return label(side, name) }
	}
	return compare.Objects(left, right, at(before), at(after)), nil
}

// label names one side of one object's diff.
func label(side offline.Rendered, name string) string {
	state := "working-tree"
	if side.Snapshot.Commit != "" {
		state = operate.ShortCommit(side.Snapshot.Commit)
	}
	return state + "/" + side.Rule + "/" + name
}
