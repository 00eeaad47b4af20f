package offline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/operate"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Repository says which repository a command reads, and in which state.
type Repository struct {
	Streams    stream.Streams
	Dir        string
	Commit     string
	fileCommit string
	secondary  []string
}

// Snapshot is one state of a repository's files.
type Snapshot struct {
	Files    fs.FS
	Commit   string // its id; empty for the working tree
	Document *projectfile.Document
}

// String names the snapshot.
func (s Snapshot) String() string { return StateName(s.Commit) }

// StateName names a commit for people; empty means the working tree.
func StateName(commit string) string {
	if commit == "" {
		return "the working tree"
	}
	return "commit " + operate.ShortCommit(commit)
}

// DirectoryFlag adds -C alone, for commands that only read the project file.
func (s *Repository) DirectoryFlag(command *cobra.Command) {
	command.Flags().StringVarP(&s.Dir, "directory", "C", ".", "the repository, or a directory in it")
}

// Flags adds the flags that choose the repository and its state.
func (s *Repository) Flags(command *cobra.Command) {
	s.DirectoryFlag(command)
	command.Flags().StringVar(&s.Commit, "commit", "", "a commit, branch or tag (default: the working tree)")
	command.Flags().StringVar(&s.fileCommit, "file-commit", "", "take slipway.yaml from this commit, as the server does from the default branch (default: from --commit)")
	command.Flags().StringArrayVar(&s.secondary, "secondary", nil, "NAME=DIR: a checkout of a secondary repository of the project, whose slipway.yaml adds services")
}

// Open reads the project file and opens the files beside it. Mistakes in the
// file are printed and end the command with findings.
func (s *Repository) Open() (Snapshot, error) { return s.OpenAt(s.Commit) }

// OpenAt opens the files of a revision, or the working tree's when it is empty.
func (s *Repository) OpenAt(revision string) (Snapshot, error) {
	root, err := FindRoot(s.Dir)
	if err != nil {
		return Snapshot{}, err
	}
	var opened Snapshot
	if opened.Files, opened.Commit, err = OpenFiles(root, revision); err != nil {
		return Snapshot{}, err
	}
	from, fileID := opened.Files, opened.Commit
	if s.fileCommit != "" {
		if from, fileID, err = OpenFiles(root, s.fileCommit); err != nil {
			return Snapshot{}, err
		}
	}
	data, err := ReadProjectFile(from, StateName(fileID))
	if err != nil {
		return Snapshot{}, err
	}
	if opened.Document, err = projectfile.Parse(project.FileName, data); err != nil {
		return opened, s.refuse(err)
	}
	opened.Document, err = s.withSecondary(opened.Document)
	return opened, s.refuse(err)
}

// withSecondary adds the services of secondary repositories, as the server does. A
// directory stands for the clone URL that only the Project knows.
func (s *Repository) withSecondary(document *projectfile.Document) (*projectfile.Document, error) {
	var all []projectfile.Secondary
	for _, pair := range s.secondary {
		name, dir, found := strings.Cut(pair, "=")
		if !found || name == "" || dir == "" {
			return nil, exit.WrongUsage(fmt.Errorf("--secondary %.100q: write NAME=DIR", pair))
		}
		data, err := ReadProjectFile(os.DirFS(dir), dir)
		if err != nil {
			return nil, err
		}
		parsed, err := projectfile.ParseSecondary(name+":"+project.FileName, data)
		if err != nil {
			return nil, err
		}
		all = append(all, projectfile.Secondary{Document: parsed, Repository: name})
	}
	return document.With(all...)
}

// refuse prints the mistakes of a project file.
func (s *Repository) refuse(err error) error {
	var problems projectfile.Problems
	if !errors.As(err, &problems) {
		return err
	}
	for _, problem := range problems {
		fmt.Fprintln(s.Streams.Err, output.Printable(problem.Error()))
	}
	return exit.Found(len(problems))
}

// FindRoot returns the directory that the project file belongs in: the
// nearest one, upwards, that holds a project file or is the top of a checkout.
func FindRoot(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", dir, err)
	}
	if info, err := os.Stat(start); err != nil || !info.IsDir() {
		return "", fault.New(fault.NotFound, "%s is not a directory; name a repository, or a directory in one", dir)
	}
	for at := start; ; at = filepath.Dir(at) {
		for _, name := range []string{project.FileName, ".git"} {
			if _, err := os.Lstat(filepath.Join(at, name)); err == nil {
				return at, nil
			}
		}
		if at == filepath.Dir(at) {
			return "", fault.New(fault.NotFound, "neither %s nor a directory above it holds a %s or is a git repository; name one with -C, or write the file with `slipway init`", start, project.FileName)
		}
	}
}

// OpenFiles opens the files below root: those of a revision, or those on disk.
func OpenFiles(root, revision string) (fs.FS, string, error) {
	if revision == "" {
		return os.DirFS(root), "", nil
	}
	files, commit, err := git.OpenTree(root, revision)
	if err != nil {
		return nil, "", err
	}
	below, err := belowTop(root)
	if err != nil || below == "." {
		return files, commit, err
	}
	sub, err := fs.Sub(files, below)
	if err != nil {
		return nil, "", fmt.Errorf("open %s of commit %s: %w", below, commit, err)
	}
	return sub, commit, nil
}

// belowTop returns the slash-separated path from the top of the checkout to
// root.
func belowTop(root string) (string, error) {
	checkout, err := git.OpenCheckout(root)
	if err != nil {
		return "", err
	}
	if checkout.Root == "" {
		return ".", nil
	}
	top, err := filepath.EvalSymlinks(checkout.Root)
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", checkout.Root, err)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return "", fmt.Errorf("resolve %s: %w", root, err)
	}
	below, err := filepath.Rel(top, root)
	if err != nil {
		return "", fmt.Errorf("find %s below %s: %w", root, top, err)
	}
	return filepath.ToSlash(below), nil
}

// ReadProjectFile reads no more of the file than its parser takes.
func ReadProjectFile(files fs.FS, state string) ([]byte, error) {
	data, err := tree.FromFS(files).Read(project.FileName, projectfile.MaxBytes+1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, err, "%s has no %s; write one with `slipway init`, or name another directory with -C", state, project.FileName)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s of %s can't be read: %v; make it a regular file", project.FileName, state, err)
	}
	return data, nil
}
