package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// validation is what was found in a project file.
type validation struct {
	File     string               `json:"file"`
	Project  string               `json:"project,omitempty"`
	Stages   int                  `json:"stages"`
	Services int                  `json:"services"`
	Problems projectfile.Problems `json:"problems"`
	// Refusals are what the server would refuse of the stages, Warnings what it would
	// warn about. The file's own problems come first: with any, nothing is rendered.
	Refusals remarks `json:"refusals"`
	Warnings remarks `json:"warnings"`

	rendered bool
}

type validateCommand struct {
	offline.Rendering
	secondary bool
	fast      bool
	format    string
}

// NewValidate returns the command validate.
func NewValidate(streams stream.Streams) *cobra.Command {
	v := &validateCommand{Rendering: offline.Rendering{Repository: offline.Repository{Streams: streams}}}
	command := &cobra.Command{
		Use:     "validate [DIR|FILE]",
		Short:   "Check slipway.yaml and all it names, and render every stage",
		GroupID: "repository",
		Long: `Check slipway.yaml, and that the contexts, Dockerfiles, overlays, charts, Compose
files and directories that it names exist. Then render every stage, as slipway
render does, and show what the server would refuse or warn about; --fast leaves
that out. A rule with a pattern is rendered for a branch that matches.

What a cluster allows is taken from the files that --cluster and --project-object
name, and is the default without them.

Every problem is one line: FILE:LINE:COLUMN: PATH: what is wrong; what to do. With
problems the exit code is 3; warnings don't count.`,
		Example: `  slipway validate
  slipway validate --commit HEAD
  slipway validate --fast ../shop/slipway.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 1 {
				v.Dir = args[0]
			}
			return v.run(command.Context())
		},
	}
	v.DirectoryFlag(command)
	v.Target.Flags(command)
	command.Flags().StringVar(&v.Commit, "commit", "", "a commit, branch or tag (default: the working tree)")
	command.Flags().BoolVar(&v.secondary, "secondary", false, "it is the file of a secondary repository of the project, which only declares services")
	command.Flags().BoolVar(&v.fast, "fast", false, "check the file and what it names, and render nothing")
	output.AddFlag(command, &v.format)
	return command
}

func (v *validateCommand) run(ctx context.Context) error {
	if err := v.Load(); err != nil {
		return err
	}
	v.AssumeDomain()
	found, err := v.validate(ctx)
	if err != nil {
		return err
	}
	if err := output.New(v.Streams, v.format).Print(found, found.text); err != nil {
		return err
	}
	if n := len(found.Problems) + len(found.Refusals); n > 0 {
		return exit.Found(n)
	}
	return nil
}

// validate checks the file, what it names, and then its stages.
func (v *validateCommand) validate(ctx context.Context) (validation, error) {
	files, commit, name, data, err := v.read()
	if err != nil {
		return validation{}, err
	}
	found := validation{File: name, Problems: projectfile.Problems{}, Refusals: remarks{}, Warnings: remarks{}}
	parse := projectfile.Parse
	if v.secondary {
		parse = projectfile.ParseSecondary
	}
	document, err := parse(name, data)
	if err != nil {
		if errors.As(err, &found.Problems) {
			err = nil
		}
		return found, err
	}
	found.Project, found.Stages, found.Services = document.File.Project, len(document.File.Stages), len(document.File.Services)
	found.Problems = append(found.Problems, (&references{name: name, document: document, files: tree.FromFS(files), own: v.Templates}).check()...)
	if v.fast || v.secondary || len(found.Problems) > 0 {
		return found, nil
	}
	refusals, warnings, err := v.renderStages(ctx, offline.Snapshot{Files: files, Commit: commit, Document: document})
	found.Refusals, found.Warnings, found.rendered = append(found.Refusals, refusals...), append(found.Warnings, warnings...), true
	return found, err
}

// read returns the repository's files and their commit, and the name and content of
// the file to check, which may be given by its path.
func (v *validateCommand) read() (files fs.FS, commit, name string, data []byte, err error) {
	if info, err := os.Stat(v.Dir); err == nil && info.Mode().IsRegular() && v.Commit == "" {
		files, name = os.DirFS(filepath.Dir(v.Dir)), filepath.Base(v.Dir)
		data, err := tree.FromFS(files).Read(name, projectfile.MaxBytes+1)
		if err != nil {
			return nil, "", "", nil, fault.Wrap(fault.Invalid, err, "%s can't be read: %v; name a readable file", v.Dir, err)
		}
		return files, "", name, data, nil
	}
	root, err := offline.FindRoot(v.Dir)
	if err != nil {
		return nil, "", "", nil, err
	}
	files, commit, err = offline.OpenFiles(root, v.Commit)
	if err != nil {
		return nil, "", "", nil, err
	}
	data, err = offline.ReadProjectFile(files, offline.StateName(commit))
	return files, commit, project.FileName, data, err
}

func (v validation) text(t *output.Table) {
	for _, problem := range v.Problems {
		t.Marked(output.Bad, problem.Error())
	}
	for _, refusal := range v.Refusals {
		t.Marked(output.Bad, refusal.text(v.Stages))
	}
	for _, warning := range v.Warnings {
		t.Marked(output.Waiting, "warning: "+warning.text(v.Stages))
	}
	if len(v.Problems)+len(v.Refusals) > 0 {
		return
	}
	how := "the file is fine"
	if v.rendered {
		how = "fine, and every stage renders"
	}
	t.Marked(output.Good, fmt.Sprintf("%s: %s: project %s, %s, %s", v.File, how, v.Project, output.Count(v.Stages, "stage"), output.Count(v.Services, "service")))
}
