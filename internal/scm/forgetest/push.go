package forgetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// noReply is the domain of the addresses that belong to logins.
const noReply = "users.noreply.localhost"

// Executable and Link as the first bytes of a file's content for Push make it
// an executable file or a symbolic link; Deleted removes it.
const (
	Executable = "\x00exec\x00"
	Link       = "\x00link\x00"
	Deleted    = "\x00deleted\x00"
)

// Commit says what a commit is made of.
type Commit struct {
	Branch  string            // without refs/heads/
	Parent  string            // commit id, or "none"; empty: the branch's head, for a new branch the default branch's
	Files   map[string]string // path → content; see Executable, Link, Deleted
	Message string
	Login   string // author, committer and pusher
}

// Push puts files on top of a branch as a push of login does, webhooks
// included. It returns the commit.
func (f *Forge) Push(repo, branch string, files map[string]string, message, login string) (string, error) {
	return f.PushCommit(repo, Commit{Branch: branch, Files: files, Message: message, Login: login})
}

// PushCommit is Push with a choice of parent: another one is a force push.
func (f *Forge) PushCommit(repo string, c Commit) (string, error) {
	r, err := f.repository(repo)
	if err != nil {
		return "", fmt.Errorf("push: %w", err)
	}
	var commit string
	err = f.change(r, c.Login, func(before refs) error {
		if commit, err = f.importCommit(r, before, c); err != nil {
			return err
		}
		_, err := f.git(r.dir, nil, "update-ref", "refs/heads/"+c.Branch, commit)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("push to %s of %s: %w", c.Branch, repo, err)
	}
	return commit, nil
}

// PushTree replaces everything in a branch by a directory tree, as one commit.
func (f *Forge) PushTree(repo, branch string, tree fs.FS, message, login string) (string, error) {
	files, err := readTree(tree)
	if err != nil {
		return "", fmt.Errorf("push to %s of %s: %w", branch, repo, err)
	}
	r, err := f.repository(repo)
	if err != nil {
		return "", fmt.Errorf("push: %w", err)
	}
	if _, err := f.git(r.dir, nil, "rev-parse", "-q", "--verify", "refs/heads/"+branch); err == nil {
		listed, err := f.git(r.dir, nil, "ls-tree", "-r", "-z", "--name-only", "refs/heads/"+branch)
		if err != nil {
			return "", fmt.Errorf("push to %s of %s: %w", branch, repo, err)
		}
		for name := range strings.SplitSeq(strings.TrimSuffix(listed, "\x00"), "\x00") {
			if _, ok := files[name]; !ok && name != "" {
				files[name] = Deleted
			}
		}
	}
	return f.Push(repo, branch, files, message, login)
}

func readTree(tree fs.FS) (map[string]string, error) {
	files := make(map[string]string)
	err := fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if e.Type() == fs.ModeSymlink {
			to, err := fs.ReadLink(tree, name)
			files[name] = Link + to
			return err
		}
		data, err := fs.ReadFile(tree, name)
		files[name] = string(data)
		if info.Mode()&0o111 != 0 {
			files[name] = Executable + string(data)
		}
		return err
	})
	return files, err
}

// importCommit writes the commit under a ref of its own and returns its id.
func (f *Forge) importCommit(r *repository, before refs, c Commit) (string, error) {
	if c.Branch == "" || strings.ContainsAny(c.Branch, "\n\x00") {
		return "", fmt.Errorf("branch name %q", c.Branch)
	}
	parent := c.Parent
	switch parent {
	case "":
		parent = cmp.Or(before["refs/heads/"+c.Branch], before["refs/heads/"+DefaultBranch])
	case "none":
		parent = ""
	}
	login := c.Login
	if login == "" {
		login = "demo"
	}
	const ref = "refs/forge/import"
	var b bytes.Buffer
	who := fmt.Sprintf("%s <%s@%s> %d +0000", login, login, noReply, f.clock().Unix())
	fmt.Fprintf(&b, "commit %s\nauthor %s\ncommitter %s\ndata %d\n%s\n", ref, who, who, len(c.Message), c.Message)
	if parent != "" {
		fmt.Fprintf(&b, "from %s\n", parent)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		writeChange(&b, name, c.Files[name])
	}
	b.WriteString("\n")
	defer func() { _, _ = f.git(r.dir, nil, "update-ref", "-d", ref) }()
	if _, err := f.git(r.dir, &b, "fast-import", "--quiet", "--force", "--date-format=raw"); err != nil {
		return "", err
	}
	out, err := f.git(r.dir, nil, "rev-parse", ref)
	return strings.TrimSpace(out), err
}

func writeChange(b *bytes.Buffer, name, content string) {
	if content == Deleted {
		fmt.Fprintf(b, "D %s\n", quotePath(name))
		return
	}
	mode := "100644"
	if text, ok := strings.CutPrefix(content, Executable); ok {
		mode, content = "100755", text
	}
	if text, ok := strings.CutPrefix(content, Link); ok {
		mode, content = "120000", text
	}
	fmt.Fprintf(b, "M %s inline %s\ndata %d\n%s\n", mode, quotePath(name), len(content), content)
}

// quotePath writes a path as git's C-style string.
func quotePath(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(name) + `"`
}

// SetRef points a full ref name at a commit of the repository, as a push of
// login does; an empty commit deletes the ref.
func (f *Forge) SetRef(repo, ref, commit, login string) error {
	r, err := f.repository(repo)
	if err != nil {
		return fmt.Errorf("set ref: %w", err)
	}
	if !strings.HasPrefix(ref, "refs/") {
		return fmt.Errorf("set ref %q of %s: a full name is needed", ref, repo)
	}
	err = f.change(r, login, func(before refs) error {
		args := []string{"update-ref", ref, commit}
		if commit == "" {
			if before[ref] == "" {
				return errors.New("no such ref")
			}
			args = []string{"update-ref", "-d", ref}
		}
		_, err := f.git(r.dir, nil, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("set %s of %s: %w", ref, repo, err)
	}
	return nil
}

// Tag makes a tag; with a message an annotated one.
func (f *Forge) Tag(repo, name, commit, message, login string) error {
	r, err := f.repository(repo)
	if err != nil {
		return fmt.Errorf("tag: %w", err)
	}
	err = f.change(r, login, func(refs) error {
		args := []string{"tag", name, commit}
		if message != "" {
			args = []string{"tag", "-a", "-m", message, name, commit}
		}
		_, err := f.git(r.dir, nil, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("tag %s of %s: %w", name, repo, err)
	}
	return nil
}

// change runs something that may change refs, and sends webhooks for what it
// changed, even when it failed half-way.
func (f *Forge) change(r *repository, login string, do func(before refs) error) error {
	r.refs.Lock()
	defer r.refs.Unlock()
	before, err := f.listRefs(r)
	if err != nil {
		return err
	}
	failed := do(before)
	after, err := f.listRefs(r)
	if err == nil {
		err = f.announce(r, login, before, after)
	}
	return errors.Join(failed, err)
}
