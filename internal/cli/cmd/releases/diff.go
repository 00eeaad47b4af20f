package releases

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/compare"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

type releasesDiff struct {
	releases
	exitCode bool
}

func newReleasesDiff(streams stream.Streams) *cobra.Command {
	d := &releasesDiff{releases: releases{streams: streams}}
	command := &cobra.Command{
		Use:   "diff PROJECT STAGE A B",
		Short: "Show how the manifests of two releases differ",
		Long: `Show how the manifests of two releases differ, as they were kept in their
bundles: a unified diff per object. It takes the right to read Secrets in the
organization's namespace, where the bundles are. Values of Secrets are never
shown, only that they differ.`,
		Args:              cobra.ExactArgs(4),
		ValidArgsFunction: d.CompleteReleases,
		RunE:              func(command *cobra.Command, args []string) error { return d.run(command.Context(), args) },
	}
	d.Flags(command)
	output.AddFlag(command, &d.format)
	command.Flags().BoolVar(&d.exitCode, "exit-code", false, "exit with 3 when there is a difference")
	return command
}

func (d *releasesDiff) run(ctx context.Context, args []string) error {
	stage, a, err := d.numbered(ctx, args[:3])
	if err != nil {
		return err
	}
	number, err := sequenceOf(args[3])
	if err != nil {
		return err
	}
	b, err := stage.Release(number)
	if err != nil {
		return err
	}
	before, err := kept(ctx, stage, a)
	if err != nil {
		return err
	}
	after, err := kept(ctx, stage, b)
	if err != nil {
		return err
	}
	if err := compare.HideSecrets(before, after); err != nil {
		return err
	}
	differences := compare.Objects(before, after, sideOf(a), sideOf(b))
	if err := compare.Print(d.streams, d.format, differences); err != nil {
		return err
	}
	if len(differences) == 0 && d.format == "text" {
		fmt.Fprintf(d.streams.Out, "releases %d and %d of %s have the same manifests\n", a.Spec.Sequence, b.Spec.Sequence, stage)
	}
	if d.exitCode && len(differences) > 0 {
		return exit.Found(len(differences))
	}
	return nil
}

// sideOf names the objects of a release in a diff.
func sideOf(rel *v1alpha1.Release) func(name string) string {
	return func(name string) string { return fmt.Sprintf("release-%d/%s", rel.Spec.Sequence, name) }
}

// kept reads the manifests of a release's bundle, with the rights of the user.
func kept(ctx context.Context, stage *operate.Stage, rel *v1alpha1.Release) (map[string][]byte, error) {
	manifests, err := stage.Bundle(ctx, rel)
	if err != nil {
		return nil, err
	}
	return compare.SplitByName(manifests)
}
