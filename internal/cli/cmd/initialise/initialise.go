package initialise

import (
	"fmt"
	"net/url"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/localfile"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/starter"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/project"
)

// initialised says what init wrote, or would write.
type initialised struct {
	Directory string            `json:"directory"`
	Written   bool              `json:"written"`
	Services  []starter.Service `json:"services"`
	Files     map[string]string `json:"files"`
	Notes     []string          `json:"notes,omitempty"`
}

type initCommand struct {
	streams stream.Streams
	owner   string
	name    string
	branch  string
	dryRun  bool
	format  string
}

// New returns the command init.
func New(streams stream.Streams) *cobra.Command {
	i := &initCommand{streams: streams}
	command := &cobra.Command{
		Use:     "init [DIR]",
		Short:   "Look at a repository and write its slipway.yaml, and a Dockerfile where one is missing",
		GroupID: "repository",
		Long: `Look at a repository and write its slipway.yaml, and a Dockerfile where one is
missing. It recognises a Dockerfile, a Compose file, and programs in Go, Node.js
and Python and static pages, at the top or in the directories below. Nothing is
overwritten.`,
		Example: `  slipway init --dry-run
  slipway init --owner alice`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return i.run(dir)
		},
	}
	flags := command.Flags()
	flags.StringVar(&i.owner, "owner", "", "login at the forge of the project's owner (default: who owns the remote origin, else the user here)")
	flags.StringVar(&i.name, "project", "", "name of the project (default: that of the remote origin, else of the directory)")
	flags.StringVar(&i.branch, "branch", "", "branch that is brought to production (default: the remote's default branch, else the current one)")
	flags.BoolVar(&i.dryRun, "dry-run", false, "print the files instead of writing them")
	output.AddFlag(command, &i.format)
	return command
}

func (i *initCommand) run(dir string) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fault.New(fault.NotFound, "%s is not a directory; name the top directory of a repository", dir)
	}
	if _, err := os.Lstat(filepath.Join(dir, project.FileName)); err == nil {
		return fault.New(fault.Conflict, "%s exists, and nothing is overwritten; edit it, or remove it first", filepath.Join(dir, project.FileName))
	}
	about, notes, err := i.about(dir)
	if err != nil {
		return err
	}
	start, err := starter.Make(os.DirFS(dir), about)
	if err != nil {
		return err
	}
	done := initialised{Directory: dir, Written: !i.dryRun, Services: start.Services, Files: map[string]string{}, Notes: append(notes, start.Notes...)}
	for name, data := range start.Files {
		done.Files[name] = string(data)
	}
	if !i.dryRun {
		if err := localfile.WriteAll(dir, start.Files); err != nil {
			return err
		}
	}
	return i.print(done, start.Paths())
}

// about gathers what is known of the checkout; flags win.
func (i *initCommand) about(dir string) (starter.About, []string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return starter.About{}, nil, fmt.Errorf("find %s: %w", dir, err)
	}
	var notes []string
	checkout, err := git.OpenCheckout(dir)
	switch {
	case fault.CodeOf(err) == fault.NotFound && err != nil:
		notes = append(notes, "this is not a git repository yet: run git init, and push it to a forge")
	case err != nil:
		return starter.About{}, nil, err
	case !sameDirectory(checkout.Root, absolute):
		notes = append(notes, project.FileName+" belongs at the top of the repository, "+checkout.Root)
	}
	owner, name := ownerAndName(checkout.Origin)
	about := starter.About{
		Name:      firstOf(i.name, name, filepath.Base(absolute)),
		Branch:    firstOf(i.branch, checkout.DefaultBranch, checkout.Branch),
		Owner:     firstOf(i.owner, owner, login()),
		OwnerFrom: "your login at the forge; taken from the user of this machine",
	}
	switch {
	case i.owner != "":
		about.OwnerFrom = "login at the forge"
	case owner != "":
		about.OwnerFrom = "a login at the forge; taken from the remote origin"
	}
	return about, notes, nil
}

// ownerAndName reads both from the URL of a remote.
func ownerAndName(remote string) (owner, name string) {
	var where string
	if parsed, err := url.Parse(remote); err == nil && parsed.Scheme != "" && parsed.Host != "" {
		where = parsed.Path
	} else if _, after, found := strings.Cut(remote, ":"); found {
		where = after
	} else {
		return "", "" // a path on this machine has no owner at a forge
	}
	where = strings.TrimSuffix(strings.Trim(where, "/"), ".git")
	first, _, nested := strings.Cut(where, "/")
	if !nested || where == "" {
		return "", where
	}
	return first, path.Base(where)
}

// login returns the user of this machine.
func login() string {
	if current, err := user.Current(); err == nil {
		return current.Username
	}
	return "owner"
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

func sameDirectory(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// print shows the files in a dry run, and else what was written.
func (i *initCommand) print(done initialised, paths []string) error {
	return output.New(i.streams, i.format).Print(done, func(t *output.Table) {
		for _, name := range paths {
			if done.Written {
				t.Marked(output.Good, "wrote "+filepath.Join(done.Directory, name))
				continue
			}
			t.Head("# " + name)
			for line := range strings.Lines(done.Files[name]) {
				t.Row(strings.TrimRight(line, "\n"))
			}
			t.Row()
		}
		for _, s := range done.Services {
			t.Row("service " + s.Name + ": from " + s.Why)
		}
		for _, note := range done.Notes {
			t.Marked(output.Waiting, "note: "+note)
		}
		if done.Written {
			t.Row("next: read slipway.yaml, try `slipway render --stage production`, commit and push")
		}
	})
}
