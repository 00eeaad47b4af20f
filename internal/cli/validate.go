package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

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
}

type validateCommand struct {
	repository
	secondary bool
	own       own
	format    string
}

func newValidate(streams Streams) *cobra.Command {
	v := &validateCommand{repository: repository{streams: streams}}
	command := &cobra.Command{
		Use:     "validate [DIR|FILE]",
		Short:   "Check slipway.yaml, and that what it names exists",
		GroupID: "repository",
		Long: `Check slipway.yaml, and that the contexts, Dockerfiles, overlays, charts, Compose
files and directories that it names exist.

Every problem is one line: FILE:LINE:COLUMN: PATH: what is wrong; what to do.
With problems the exit code is 3.`,
		Example: `  slipway validate
  slipway validate --commit HEAD
  slipway validate ../shop/slipway.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				v.dir = args[0]
			}
			return v.run()
		},
	}
	v.directoryFlag(command)
	v.own.flags(command)
	command.Flags().StringVar(&v.commit, "commit", "", "a commit, branch or tag (default: the working tree)")
	command.Flags().BoolVar(&v.secondary, "secondary", false, "it is the file of a further repository of the project, which only declares services")
	outputFlag(command, &v.format)
	return command
}

func (v *validateCommand) run() error {
	files, name, data, err := v.read()
	if err != nil {
		return err
	}
	templates, err := v.own.templates()
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
	}
	if err := newOutput(v.streams, v.format).print(found, found.text); err != nil {
		return err
	}
	if len(found.Problems) > 0 {
		return findings(len(found.Problems))
	}
	return nil
}

// read returns the repository's files, and the name and content of the file to
// check, which may be given by its path.
func (v *validateCommand) read() (files fs.FS, name string, data []byte, err error) {
	if info, err := os.Stat(v.dir); err == nil && info.Mode().IsRegular() && v.commit == "" {
		files, name = os.DirFS(filepath.Dir(v.dir)), filepath.Base(v.dir)
		data, err := tree.FromFS(files).Read(name, projectfile.MaxBytes+1)
		if err != nil {
			return nil, "", nil, fault.Wrap(fault.Invalid, err, "%s can't be read: %v; name a readable file", v.dir, err)
		}
		return files, name, data, nil
	}
	root, err := findRoot(v.dir)
	if err != nil {
		return nil, "", nil, err
	}
	files, commit, err := filesOf(root, v.commit)
	if err != nil {
		return nil, "", nil, err
	}
	data, err = readProjectFile(files, stateName(commit))
	return files, project.FileName, data, err
}

func (v validation) text(t *table) {
	for _, problem := range v.Problems {
		t.marked(bad, problem.Error())
	}
	if len(v.Problems) == 0 {
		t.marked(good, fmt.Sprintf("%s: fine: project %s, %s, %s", v.File, v.Project, count(v.Stages, "stage"), count(v.Services, "service")))
	}
}
