package cli

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

type deploy struct {
	stageCommand
	commit string
}

func newDeploy(streams Streams) *cobra.Command {
	d := &deploy{stageCommand: stageCommand{streams: streams}}
	command := &cobra.Command{
		Use:     "deploy PROJECT STAGE",
		Short:   "Release a commit to a stage: the newest of its branch, or one of your choice",
		GroupID: "life",
		Long: `Release a commit to a stage: the newest of its branch, or the one that --commit
names. It must be reachable from the branch or tag that feeds the stage. Images
that exist are reused.

A quarantined commit comes back this way, when an owner asks for it.`,
		Example: `  slipway deploy shop staging
  slipway deploy shop production --commit 4f2a9c1d --reason "the fix for the till"`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: d.completeStages,
		RunE:              func(command *cobra.Command, args []string) error { return d.run(command.Context(), args[0], args[1]) },
	}
	d.waits(command)
	command.Flags().StringVar(&d.commit, "commit", "", "the commit's id; a short one when the stage has had it before (default: the head of the stage's branch)")
	return command
}

func (d *deploy) run(ctx context.Context, project, stage string) error {
	about, err := d.subject(ctx, project, stage)
	if err != nil {
		return err
	}
	head, err := about.head(d.commit)
	if err != nil {
		return err
	}
	return d.carryOut(ctx, about, ask{trigger: v1alpha1.TriggerDeploy, head: head})
}

// head returns the head of a commit that was asked for by its id, or by the
// beginning of one that the stage knows; without an id the stage's wanted one.
// The project file is always the one in force now.
func (s *subject) head(commit string) (v1alpha1.Head, error) {
	wanted := s.stage.Spec.Wanted
	commit = strings.ToLower(commit)
	if commit == "" || commit == wanted.Commit {
		return wanted, nil
	}
	full, err := s.fullCommit(commit)
	if err != nil {
		return v1alpha1.Head{}, err
	}
	if full == wanted.Commit {
		return wanted, nil
	}
	return v1alpha1.Head{Commit: full, FileCommit: wanted.FileCommit, FileID: wanted.FileID, Secondary: wanted.Secondary}, nil
}

// fullCommit completes the beginning of a commit id.
func (s *subject) fullCommit(commit string) (string, error) {
	if !regexp.MustCompile(`^[0-9a-f]{4,64}$`).MatchString(commit) {
		return "", fault.New(fault.Invalid, "--commit %.80q is no commit id; give one such as 4f2a9c1d", commit)
	}
	found := []string{}
	for _, known := range s.commits() {
		if strings.HasPrefix(known, commit) {
			found = append(found, known)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", fault.New(fault.Invalid, "--commit %s could be any of %d commits of %s; give more of it", commit, len(found), s)
	case len(commit) == 40, len(commit) == 64:
		return commit, nil
	}
	return "", fault.New(fault.NotFound, "%s has had no commit that begins with %s; give all of it (`git rev-parse %s`)", s, commit, commit)
}

// commits returns the commits that the stage wants and has had.
func (s *subject) commits() []string {
	all := []string{s.stage.Spec.Wanted.Commit}
	for _, rel := range s.releases {
		all = append(all, rel.Spec.Head.Commit)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
