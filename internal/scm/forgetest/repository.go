package forgetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// noCommit is how git and GitHub write "nothing".
const noCommit = "0000000000000000000000000000000000000000"

// DefaultBranch of every repository the forge makes.
const DefaultBranch = "main"

var fullName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9._-]+$`)

// repository is one bare repository and what GitHub keeps beside it. Fields
// below mu of the Forge are guarded by that.
type repository struct {
	dir     string
	owner   string
	name    string
	created time.Time
	refs    sync.Mutex // one change of refs at a time, events included

	// guarded by Forge.mu
	id          int64
	fork        *repository
	pushed      time.Time
	hooks       []*hook
	pulls       []*pull
	statuses    map[string][]Status // by commit, newest first
	comments    []*Comment
	deployments []*Deployment
	checks      []*CheckRun
	permissions map[string]string // by login
	emails      map[string]string // address → login
}

func (r *repository) fullName() string { return r.owner + "/" + r.name }

// ref names and commits of the repository.
type refs map[string]string

// CreateRepository makes an empty repository owner/name.
func (f *Forge) CreateRepository(name string) error {
	if !fullName.MatchString(name) || strings.Contains(name, "..") || strings.HasSuffix(name, ".git") {
		return fmt.Errorf("create repository %q: the name must be owner/name of letters, digits and . _ -", name)
	}
	dir := filepath.Join(f.dir, name+".git")
	_, err := os.Stat(dir)
	fresh := errors.Is(err, os.ErrNotExist)
	if fresh {
		if _, err := f.git("", nil, "init", "-q", "--bare", "-b", DefaultBranch, "--", dir); err != nil {
			return fmt.Errorf("create repository %s: %w", name, err)
		}
	}
	for key, value := range map[string]string{"http.receivepack": "true", "gc.auto": "0", "receive.autogc": "false"} {
		if _, err := f.git(dir, nil, "config", key, value); err != nil {
			return fmt.Errorf("create repository %s: %w", name, err)
		}
	}
	owner, short, _ := strings.Cut(name, "/")
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.repos[name] != nil {
		return fmt.Errorf("create repository %s: it exists already", name)
	}
	f.repos[name] = &repository{
		dir: dir, owner: owner, name: short, created: f.clock(), pushed: f.clock(), id: f.id(),
		statuses: make(map[string][]Status), permissions: make(map[string]string), emails: make(map[string]string),
	}
	return nil
}

// Fork makes a copy of a repository under another owner.
func (f *Forge) Fork(name, owner string) (string, error) {
	parent, err := f.repository(name)
	if err != nil {
		return "", fmt.Errorf("fork: %w", err)
	}
	copyName := owner + "/" + parent.name
	if err := f.CreateRepository(copyName); err != nil {
		return "", fmt.Errorf("fork: %w", err)
	}
	child, err := f.repository(copyName)
	if err != nil {
		return "", fmt.Errorf("fork: %w", err)
	}
	f.mu.Lock()
	child.fork = parent
	f.mu.Unlock()
	if _, err := f.git(child.dir, nil, "fetch", "-q", parent.dir, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"); err != nil {
		return "", fmt.Errorf("fork %s: %w", name, err)
	}
	return copyName, nil
}

// Head returns the commit of a branch, tag or full ref name.
func (f *Forge) Head(repo, ref string) (string, error) {
	r, err := f.repository(repo)
	if err != nil {
		return "", fmt.Errorf("head: %w", err)
	}
	out, err := f.git(r.dir, nil, "rev-parse", "-q", "--verify", "--end-of-options", ref+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("head of %s in %s: %w", ref, repo, err)
	}
	return strings.TrimSpace(out), nil
}

// listRefs returns all refs and what they point at.
func (f *Forge) listRefs(r *repository) (refs, error) {
	out, err := f.git(r.dir, nil, "for-each-ref", "--format=%(objectname) %(refname)")
	if err != nil {
		return nil, fmt.Errorf("list refs: %w", err)
	}
	all := make(refs)
	for line := range strings.Lines(out) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		all[name] = id
	}
	return all, nil
}

// git runs the git program, with nobody's configuration, and returns what it
// prints.
func (f *Forge) git(dir string, stdin io.Reader, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = stdin
	cmd.Env = f.gitEnv()
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}

func (f *Forge) gitEnv() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + f.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C",
		"GIT_AUTHOR_NAME=forge", "GIT_AUTHOR_EMAIL=forge@localhost", "GIT_COMMITTER_NAME=forge", "GIT_COMMITTER_EMAIL=forge@localhost",
	}
}
