package initialise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/localfile"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/detect"
	"github.com/slipway-dev/slipway/internal/detect/convert"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/project"
)

// initialised says what init wrote, or would write, and why.
type initialised struct {
	Directory string            `json:"directory"`
	Written   bool              `json:"written"`
	Found     []string          `json:"found,omitempty"`
	Services  []service         `json:"services"`
	Files     map[string]string `json:"files"`
	LeftOut   []found.Left      `json:"leftOut,omitempty"`
	Hints     []string          `json:"hints,omitempty"`
	Next      []string          `json:"next,omitempty"`
}

// service is one that was made.
type service struct {
	Name   string             `json:"name"`
	Why    string             `json:"why"`
	Source project.SourceKind `json:"source"`
	Port   int32              `json:"port,omitempty"`
}

type initCommand struct {
	streams stream.Streams
	owner   string
	name    string
	branch  string
	from    string
	file    string
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
missing. It finds Compose files, Dockerfiles, charts and Kustomize directories at
any depth, and programs in Go, Java, .NET, Rust, PHP, Ruby, Python and Node.js, and
pages. What it makes is rendered and checked as a stage would be: what is refused
is left out. It says what it found, what it made, what it left out and why, and
what to do next. Nothing is overwritten, and no password is copied.

With --from it takes over what another platform's file says: ` + strings.Join(convert.Names(), ", ") + `.`,
		Example: `  slipway init --dry-run
  slipway init --owner alice
  slipway init --from render.yaml
  slipway init --from compose --file deploy/compose.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return i.run(command.Context(), dir)
		},
	}
	flags := command.Flags()
	flags.StringVar(&i.owner, "owner", "", "login at the forge of the project's owner (default: who owns the remote origin, else the user here)")
	flags.StringVar(&i.name, "project", "", "name of the project (default: that of the remote origin, else of the directory)")
	flags.StringVar(&i.branch, "branch", "", "branch that is brought to production (default: the remote's default branch, else the current one)")
	flags.StringVar(&i.from, "from", "", "take over what another platform's file says: "+strings.Join(convert.Names(), ", "))
	flags.StringVar(&i.file, "file", "", "path of the file for --from (default: its usual one)")
	flags.BoolVar(&i.dryRun, "dry-run", false, "print the files instead of writing them")
	output.AddFlag(command, &i.format)
	return command
}

func (i *initCommand) run(ctx context.Context, dir string) error {
	switch info, err := os.Stat(dir); {
	case err != nil || !info.IsDir():
		return fault.New(fault.NotFound, "%s is not a directory; name the top directory of a repository", dir)
	case i.file != "" && i.from == "":
		return exit.WrongUsage(errors.New("--file names the file for --from; say what it is with --from, too"))
	}
	if _, err := os.Lstat(filepath.Join(dir, project.FileName)); err == nil {
		return fault.New(fault.Conflict, "%s exists, and nothing is overwritten; edit it, or remove it first", filepath.Join(dir, project.FileName))
	}
	about, hints, err := i.about(dir)
	if err != nil {
		return err
	}
	start, err := i.make(ctx, os.DirFS(dir), about)
	if err != nil {
		return err
	}
	if !i.dryRun {
		if err := localfile.WriteAll(dir, start.Files); err != nil {
			return err
		}
	}
	done := initialised{Directory: dir, Written: !i.dryRun, Found: start.Seen, Files: map[string]string{}, LeftOut: start.Left, Hints: append(hints, start.Hints...), Next: start.Next}
	for _, one := range start.Services {
		done.Services = append(done.Services, service{one.Name, one.Why, one.Spec.Source(), one.Spec.Port})
	}
	for name, data := range start.Files {
		done.Files[name] = string(data)
	}
	return i.print(done, start.Paths())
}

// make looks at the files, and checks what is made of them as a stage would be.
func (i *initCommand) make(ctx context.Context, files fs.FS, about detect.About) (detect.Start, error) {
	renderer, end := offline.NewRenderer(ctx, i.streams)
	defer end()
	checker, err := offline.NewChecker(&offline.Rendering{Repository: offline.Repository{Streams: i.streams}}, renderer)
	if err != nil {
		return detect.Start{}, err
	}
	return detect.Make(ctx, files, about, checker)
}

// about gathers what is known of the checkout; flags win.
func (i *initCommand) about(dir string) (detect.About, []string, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return detect.About{}, nil, fmt.Errorf("find %s: %w", dir, err)
	}
	var hints []string
	checkout, err := git.OpenCheckout(dir)
	switch {
	case fault.CodeOf(err) == fault.NotFound && err != nil:
		hints = append(hints, "this is not a git repository yet: run git init, and push it to a forge")
	case err != nil:
		return detect.About{}, nil, err
	case !sameDirectory(checkout.Root, absolute):
		hints = append(hints, project.FileName+" belongs at the top of the repository, "+checkout.Root)
	}
	owner, name := ownerAndName(checkout.Origin)
	about := detect.About{
		Name:      firstOf(i.name, name, filepath.Base(absolute)),
		Branch:    firstOf(i.branch, checkout.DefaultBranch, checkout.Branch),
		Owner:     firstOf(i.owner, owner, login()),
		From:      i.from,
		File:      filepath.ToSlash(i.file),
		OwnerFrom: "your login at the forge; taken from the user of this machine",
	}
	switch {
	case i.owner != "":
		about.OwnerFrom = "login at the forge"
	case owner != "":
		about.OwnerFrom = "a login at the forge; taken from the remote origin"
	}
	return about, hints, nil
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
		done.summary(t)
	})
}

// summary says what was found, made and left out, and what to do next.
func (done initialised) summary(t *output.Table) {
	for _, text := range done.Found {
		t.Row("found: " + text)
	}
	for _, s := range done.Services {
		t.Marked(output.Good, "service "+s.Name+": from "+s.Why)
	}
	for _, left := range done.LeftOut {
		t.Marked(output.Bad, "left out: "+left.Where+": "+left.Reason)
	}
	for _, hint := range done.Hints {
		t.Marked(output.Waiting, "note: "+hint)
	}
	for _, text := range done.Next {
		t.Row("next: " + text)
	}
}
