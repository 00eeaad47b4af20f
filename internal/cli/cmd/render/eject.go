package render

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/localfile"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
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
	offline.Rendering
	stageName string
	ref       string
	to        string
	format    string
}

// NewEject returns the command eject.
func NewEject(streams stream.Streams) *cobra.Command {
	e := &ejectCommand{Rendering: offline.Rendering{Repository: offline.Repository{Streams: streams}}}
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
	e.Flags(command)
	offline.StageFlags(command, &e.stageName, &e.ref)
	command.Flags().StringVar(&e.to, "to", "", "directory to write to")
	output.AddFlag(command, &e.format)
	return command
}

func (e *ejectCommand) run(ctx context.Context) error {
	if e.to == "" {
		return exit.WrongUsage(errors.New("say where to write, with --to DIR"))
	}
	if !isEmpty(e.to) {
		return fault.New(fault.Conflict, "%s is not empty, and nothing is overwritten; name a new directory", e.to)
	}
	made, err := e.RenderChosen(ctx, e.stageName, e.ref)
	if err != nil {
		return err
	}
	for name := range e.Given {
		if _, isService := made.Request.Images[name]; !isService {
			return exit.WrongUsage(fmt.Errorf("--images %s: eject takes images by service; %s is none", name, name))
		}
	}
	files, err := eject(ctx, made)
	if err != nil {
		return err
	}
	if err := localfile.WriteAll(e.to, files); err != nil {
		return err
	}
	e.Report(made)
	done := ejected{Stage: made.Request.Stage, Directory: e.to, Files: slices.Sorted(maps.Keys(files))}
	err = output.New(e.Streams, e.format).Print(done, func(t *output.Table) {
		t.Row(fmt.Sprintf("wrote %s to %s; kustomize build %s renders stage %s", output.Count(len(files), "file"), e.to, e.to, done.Stage))
	})
	if err == nil && len(made.Findings) > 0 {
		return exit.Found(len(made.Findings))
	}
	return err
}

// isEmpty reports whether nothing is in a directory, or it isn't there.
func isEmpty(name string) bool {
	directory, err := os.Open(name)
	if err != nil {
		return true // writing says what is wrong
	}
	defer directory.Close()
	names, _ := directory.Readdirnames(1)
	return len(names) == 0
}

// eject returns the files that Kustomize renders to what was rendered. That
// has ended well in a child before, so that it may run here.
func eject(ctx context.Context, made offline.Rendered) (map[string][]byte, error) {
	collected, err := render.Collect(ctx, made.Snapshot.Files, made.Request, render.DefaultLimits())
	if err != nil {
		return nil, err
	}
	return render.Eject(ctx, made.Request, collected)
}
