package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// validation is what was found in a project file.
type validation struct {
	File     string               `json:"file"`
	Project  string               `json:"project,omitempty"`
	Stages   int                  `json:"stages"`
	Services int                  `json:"services"`
	Problems projectfile.Problems `json:"problems"`
	// Refused and Warnings are lines about the Compose files that it names.
	Refused  []string `json:"refused,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

type validateCommand struct {
	offline.Repository
	secondary bool
	own       offline.Templates
	format    string
}

// NewValidate returns the command validate.
func NewValidate(streams stream.Streams) *cobra.Command {
	v := &validateCommand{Repository: offline.Repository{Streams: streams}}
	command := &cobra.Command{
		Use:     "validate [DIR|FILE]",
		Short:   "Check slipway.yaml, and that what it names exists",
		GroupID: "repository",
		Long: `Check slipway.yaml, and that the contexts, Dockerfiles, overlays, charts, Compose
files and directories that it names exist. Compose files are read as rendering
reads them: with all that is refused, and warnings.

Every problem is one line: FILE:LINE:COLUMN: PATH: what is wrong; what to do.
With problems the exit code is 3.`,
		Example: `  slipway validate
  slipway validate --commit HEAD
  slipway validate ../shop/slipway.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if len(args) == 1 {
				v.Dir = args[0]
			}
			return v.run(command.Context())
		},
	}
	v.DirectoryFlag(command)
	v.own.Flags(command)
	command.Flags().StringVar(&v.Commit, "commit", "", "a commit, branch or tag (default: the working tree)")
	command.Flags().BoolVar(&v.secondary, "secondary", false, "it is the file of a secondary repository of the project, which only declares services")
	output.AddFlag(command, &v.format)
	return command
}

func (v *validateCommand) run(ctx context.Context) error {
	files, name, data, err := v.read()
	if err != nil {
		return err
	}
	templates, err := v.own.Load()
	if err != nil {
		return err
	}
	found := validation{File: name, Problems: projectfile.Problems{}}
	parse := projectfile.Parse
	if v.secondary {
		parse = projectfile.ParseSecondary
	}
	document, err := parse(name, data)
	if err != nil && !errors.As(err, &found.Problems) {
		return err
	}
	if err == nil {
		found.Project, found.Stages, found.Services = document.File.Project, len(document.File.Stages), len(document.File.Services)
		found.Problems = append(found.Problems, (&references{name: name, document: document, files: tree.FromFS(files), own: templates}).check()...)
		if len(found.Problems) == 0 && !v.secondary {
			found.Refused, found.Warnings = v.checkCompose(ctx, document, files, templates)
		}
	}
	if err := output.New(v.Streams, v.format).Print(found, found.text); err != nil {
		return err
	}
	if problems := len(found.Problems) + len(found.Refused); problems > 0 {
		return exit.Found(problems)
	}
	return nil
}

// checkCompose reads the Compose files of every stage as rendering does, and
// returns what it refuses and warns about.
func (v *validateCommand) checkCompose(ctx context.Context, document *projectfile.Document, files fs.FS, own render.OwnTemplates) (refused, warnings []string) {
	add := func(lines []string, more ...string) []string {
		for _, line := range more {
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
		return lines
	}
	for _, stage := range document.File.Stages {
		services, _, err := release.Services(document, stage.Name, own)
		uses := slices.ContainsFunc(slices.Collect(maps.Values(services)), func(s project.Service) bool { return s.Compose != nil })
		if err != nil || !uses {
			continue // what else is wrong is for rendering to say
		}
		result, err := offline.Renderer{Repository: v.Repository}.Render(ctx, files, render.Request{
			Organization: "local", Project: document.File.Project, Stage: stage.Name, Services: services, Builds: true,
		})
		if err != nil {
			refused = add(refused, strings.Split(exit.MessageOf(err), "\n")...)
		}
		warnings = add(warnings, result.Warnings...)
	}
	return refused, warnings
}

// read returns the repository's files, and the name and content of the file to
// check, which may be given by its path.
func (v *validateCommand) read() (files fs.FS, name string, data []byte, err error) {
	if info, err := os.Stat(v.Dir); err == nil && info.Mode().IsRegular() && v.Commit == "" {
		files, name = os.DirFS(filepath.Dir(v.Dir)), filepath.Base(v.Dir)
		data, err := tree.FromFS(files).Read(name, projectfile.MaxBytes+1)
		if err != nil {
			return nil, "", nil, fault.Wrap(fault.Invalid, err, "%s can't be read: %v; name a readable file", v.Dir, err)
		}
		return files, name, data, nil
	}
	root, err := offline.FindRoot(v.Dir)
	if err != nil {
		return nil, "", nil, err
	}
	files, commit, err := offline.OpenFiles(root, v.Commit)
	if err != nil {
		return nil, "", nil, err
	}
	data, err = offline.ReadProjectFile(files, offline.StateName(commit))
	return files, project.FileName, data, err
}

func (v validation) text(t *output.Table) {
	for _, problem := range v.Problems {
		t.Marked(output.Bad, problem.Error())
	}
	for _, line := range v.Refused {
		t.Marked(output.Bad, line)
	}
	for _, line := range v.Warnings {
		t.Marked(output.Waiting, "warning: "+line)
	}
	if len(v.Problems)+len(v.Refused) == 0 {
		t.Marked(output.Good, fmt.Sprintf("%s: fine: project %s, %s, %s", v.File, v.Project, output.Count(v.Stages, "stage"), output.Count(v.Services, "service")))
	}
}
