package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render"
)

// ejected says what was written.
type ejected struct {
	Stage     string   `json:"stage"`
	Directory string   `json:"directory"`
	Files     []string `json:"files"`
}

type ejectCommand struct {
	rendering
	stageName string
	ref       string
	to        string
	format    string
}

func newEject(streams Streams) *cobra.Command {
	e := &ejectCommand{rendering: rendering{repository: repository{streams: streams}}}
	command := &cobra.Command{
		Use:     "eject --stage STAGE --to DIR",
		Short:   "Write a stage as plain Kustomize that needs no Slipway",
		GroupID: "repository",
		Long: `Write a stage as plain Kustomize that needs no Slipway: kustomize build DIR gives
the bytes that slipway render gives with the same flags. DIR must be empty or
not exist.`,
		Example: `  slipway eject --stage production --to ../shop-kustomize
  kustomize build ../shop-kustomize`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return e.run(command.Context()) },
	}
	e.flags(command)
	stageFlags(command, &e.stageName, &e.ref)
	command.Flags().StringVar(&e.to, "to", "", "directory to write to")
	outputFlag(command, &e.format)
	return command
}

func (e *ejectCommand) run(ctx context.Context) error {
	if e.to == "" {
		return wrongUsage(errors.New("say where to write, with --to DIR"))
	}
	if entries, err := os.ReadDir(e.to); err == nil && len(entries) > 0 {
		return fault.New(fault.Conflict, "%s is not empty, and nothing is overwritten; name a new directory", e.to)
	}
	made, err := e.chosen(ctx, e.stageName, e.ref)
	if err != nil {
		return err
	}
	for name := range e.given {
		if _, isService := made.request.Images[name]; !isService {
			return wrongUsage(fmt.Errorf("--images %s: eject takes images by service; %s is none", name, name))
		}
	}
	files, err := eject(ctx, made)
	if err != nil {
		return err
	}
	if err := writeFiles(e.to, files); err != nil {
		return err
	}
	e.tell(made)
	done := ejected{Stage: made.request.Stage, Directory: e.to, Files: slices.Sorted(maps.Keys(files))}
	err = newOutput(e.streams, e.format).print(done, func(t *table) {
		t.row(fmt.Sprintf("wrote %s to %s; kustomize build %s renders stage %s", count(len(files), "file"), e.to, e.to, done.Stage))
	})
	if err == nil && len(made.findings) > 0 {
		return findings(len(made.findings))
	}
	return err
}

// eject returns the files that Kustomize renders to what was rendered. That
// has ended well in a child before, so that it may run here.
func eject(ctx context.Context, made rendered) (map[string][]byte, error) {
	collected, err := render.Collect(ctx, made.snapshot.files, made.request, render.DefaultLimits())
	if err != nil {
		return nil, err
	}
	return render.Eject(ctx, made.request, collected)
}
