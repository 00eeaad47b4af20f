package starter

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

var (
	// plainName is a path that needs no quotes anywhere.
	plainName = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_./-]*$`)
)

const (
	// maxFile is how much of a file is read.
	maxFile = 256 << 10
	// maxDirectories is how many directories are looked into for services.
	maxDirectories = 100
)

// About is what is known of a repository besides its files.
type About struct {
	Name   string // of the repository or its directory
	Branch string // that people push to; empty means main
	Owner  string // login at the forge
	// OwnerFrom says where the login comes from, for a comment.
	OwnerFrom string
}

// Start is what a first deploy needs.
type Start struct {
	// Files are what to write, by path.
	Files map[string][]byte
	// Services are what was found.
	Services []Service
	// Notes are sentences on what a person should look at.
	Notes []string
}

// Service is one deployable part that was found.
type Service struct {
	Name string `json:"name"`
	// Why says by what it was recognised.
	Why string `json:"why"`
	// Directory is the build context; empty when nothing is built.
	Directory string `json:"directory,omitempty"`
	Port      int    `json:"port,omitempty"`

	dockerfile string // path below the directory, when it is not Dockerfile
	health     string
	env        map[string]string
	compose    *project.Compose
	write      []byte // Dockerfile to write
	notes      []string
}

// Make looks at the files and returns a start. The error's code is not_found
// when nothing that could be deployed is there.
func Make(files fs.FS, about About) (Start, error) {
	l := looker{tree.FromFS(files)}
	found, err := l.services()
	if err != nil {
		return Start{}, err
	}
	if len(found) == 0 {
		return Start{}, fault.New(fault.NotFound, "nothing to deploy was recognised: there is no Dockerfile, Compose file, go.mod with a main package, package.json, requirements.txt, pyproject.toml or index.html, neither here nor one directory below; add a Dockerfile")
	}
	start := Start{Services: found, Files: map[string][]byte{}}
	for _, s := range found {
		start.Notes = append(start.Notes, s.notes...)
		if s.write == nil {
			continue
		}
		start.Files[path.Join(s.Directory, "Dockerfile")] = s.write
		if ignore := path.Join(s.Directory, ".dockerignore"); !l.isFile(ignore) {
			if start.Files[ignore], err = dockerignore(); err != nil {
				return Start{}, err
			}
		}
	}
	text := projectFile(about, found)
	if _, err := projectfile.Parse(project.FileName, text); err != nil {
		return Start{}, fault.Wrap(fault.Invalid, err, "the %s made for this repository is not valid: %v; give --owner, --project or --branch, or write it by hand", project.FileName, err)
	}
	start.Files[project.FileName] = text
	return start, nil
}

// Paths returns the paths of the files, sorted.
func (s Start) Paths() []string { return slices.Sorted(maps.Keys(s.Files)) }

// looker reads a repository.
type looker struct{ files tree.Source }

// services finds the services: those of a Compose file, else the repository
// as a whole, else one in each directory below its top.
func (l looker) services() ([]Service, error) {
	for _, name := range []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"} {
		if l.isFile(name) {
			return l.compose(name)
		}
	}
	if found, ok, err := l.directory("."); err != nil || ok {
		found.Name = "web"
		return []Service{found}, err
	}
	return l.below()
}

// below finds one service in each directory.
func (l looker) below() ([]Service, error) {
	entries, err := l.files.List(".")
	if err != nil {
		return nil, fmt.Errorf("list the repository: %w", err)
	}
	var all []Service
	taken := map[string]bool{}
	for i, e := range entries {
		if i == maxDirectories {
			break
		}
		if !e.Mode.IsDir() || strings.HasPrefix(e.Name, ".") || slices.Contains([]string{"vendor", "node_modules", "testdata", "docs", "examples"}, e.Name) {
			continue
		}
		found, ok, err := l.directory(e.Name)
		if err != nil {
			return nil, err
		}
		if found.Name = serviceName(e.Name); ok && !taken[found.Name] {
			taken[found.Name] = true
			all = append(all, found)
		}
	}
	return all, nil
}

// directory recognises what is in one directory.
func (l looker) directory(dir string) (Service, bool, error) {
	for _, recognise := range []func(string) (Service, bool, error){l.dockerfile, l.golang, l.node, l.python, l.static} {
		found, ok, err := recognise(dir)
		if err != nil || ok {
			found.Directory = dir
			return found, ok, err
		}
	}
	return Service{}, false, nil
}

// read returns the beginning of a file, empty when there is none.
func (l looker) read(name string) (string, error) {
	data, err := l.files.Read(name, maxFile)
	var irregular *tree.Irregular
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &irregular) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return string(data), nil
}

func (l looker) isFile(name string) bool {
	mode, err := l.files.Look(name)
	return err == nil && mode.IsRegular()
}

func (l looker) isDir(name string) bool {
	mode, err := l.files.Look(name)
	return err == nil && mode.IsDir()
}

// present returns those of the names that are files of the directory.
func (l looker) present(dir string, names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return !l.isFile(path.Join(dir, name)) })
}

// plainPath reports whether a path from a repository can stand in a
// Dockerfile or a command as it is.
func plainPath(name string) bool {
	return plainName.MatchString(name) && fs.ValidPath(path.Clean(name))
}
