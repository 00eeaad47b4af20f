//go:build gitea

package realforge

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clone is a person's working copy of a repository.
type clone struct {
	t   *testing.T
	dir string
	who string
}

// clone makes a working copy, of what is there already, for a user.
func (g *gitea) clone(t *testing.T, repository, user string) *clone {
	t.Helper()
	c := &clone{t: t, dir: t.TempDir(), who: user}
	c.git("init", "--quiet", "--initial-branch", "main")
	c.git("remote", "add", "origin", strings.Replace(g.url, "http://", "http://"+user+":"+g.tokens[user]+"@", 1)+"/"+repository+".git")
	c.git("fetch", "--quiet")
	if heads := c.git("branch", "--remotes"); strings.Contains(heads, "origin/main") {
		c.git("reset", "--quiet", "--hard", "origin/main")
	}
	return c
}

// git runs git and returns what it prints.
func (c *clone) git(arguments ...string) string {
	c.t.Helper()
	command := exec.CommandContext(c.t.Context(), "git", arguments...)
	command.Dir = c.dir
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=" + c.who, "GIT_AUTHOR_EMAIL=" + c.who + "@acme.example", "GIT_COMMITTER_NAME=" + c.who, "GIT_COMMITTER_EMAIL=" + c.who + "@acme.example",
	}
	output, err := command.CombinedOutput()
	if err != nil {
		c.t.Fatalf("git %v: %v\n%s", arguments, err, output)
	}
	return strings.TrimSpace(string(output))
}

// commit commits files on top of what is checked out, and returns the commit.
func (c *clone) commit(files map[string]string) string {
	c.t.Helper()
	for name, text := range files {
		path := filepath.Join(c.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			c.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
		c.git("add", "--force", name)
	}
	c.git("commit", "--quiet", "--message", "change "+c.who)
	return c.git("rev-parse", "HEAD")
}

// push commits files and pushes them to a branch.
func (c *clone) push(branch string, files map[string]string) string {
	c.t.Helper()
	commit := c.commit(files)
	c.git("push", "--quiet", "origin", "HEAD:refs/heads/"+branch)
	return commit
}
