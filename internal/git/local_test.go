package git_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// TestOpenTree opens local repositories of every shape that people work in.
func TestOpenTree(t *testing.T) {
	root := t.TempDir()
	work := filepath.Join(root, "work")
	gittest.Run(t, "", "git", "init", "-q", "-b", "main", work)
	write := func(name, text string) {
		gittest.Must(t, os.MkdirAll(filepath.Dir(filepath.Join(work, name)), 0o700))
		gittest.Must(t, os.WriteFile(filepath.Join(work, name), []byte(text), 0o600))
	}
	commit := func(text string) string {
		write("dir/a", text)
		gittest.Run(t, work, "git", "add", "-A")
		gittest.Run(t, work, "git", "commit", "-q", "-m", text)
		return strings.TrimSpace(gittest.Run(t, work, "git", "rev-parse", "HEAD"))
	}
	first := commit("1")
	gittest.Run(t, work, "git", "tag", "light")
	gittest.Run(t, work, "git", "tag", "-a", "-m", "note", "annotated")
	gittest.Run(t, work, "git", "gc", "-q")
	second := commit("2")
	gittest.Run(t, work, "git", "branch", "feature/x", first)
	gittest.Run(t, work, "git", "worktree", "add", "-q", filepath.Join(root, "linked"), "feature/x")
	gittest.Run(t, "", "git", "clone", "-q", "--bare", work, filepath.Join(root, "bare.git"))
	gittest.Run(t, "", "git", "clone", "-q", "--depth", "1", "file://"+work, filepath.Join(root, "shallow"))
	gittest.Run(t, "", "git", "clone", "-q", "--shared", work, filepath.Join(root, "shared"))
	gittest.Run(t, "", "git", "init", "-q", filepath.Join(root, "empty"))
	gittest.Must(t, os.Mkdir(filepath.Join(root, "nothing"), 0o700))
	write("dir/a", "not committed")

	for name, tt := range map[string]struct {
		dir, rev, commit string
		code             fault.Code
	}{
		"head":              {"work", "", second, ""},
		"sub-directory":     {"work/dir", "", second, ""},
		"branch":            {"work", "feature/x", first, ""},
		"full ref":          {"work", "refs/heads/feature/x", first, ""},
		"light tag":         {"work", "light", first, ""},
		"annotated tag":     {"work", "annotated", first, ""},
		"id":                {"work", first, first, ""},
		"short id":          {"work", first[:10], first, ""},
		"parent":            {"work", "HEAD~1", first, ""},
		"linked worktree":   {"linked", "", first, ""},
		"bare":              {"bare.git", "main", second, ""},
		"shallow":           {"shallow", "", second, ""},
		"alternates":        {"shared", "", second, ""},
		"no such revision":  {"work", "nothing", "", fault.NotFound},
		"malformed":         {"work", "@{", "", fault.NotFound},
		"an option":         {"work", "--all", "", fault.NotFound},
		"no commit yet":     {"empty", "", "", fault.NotFound},
		"no repository":     {"nothing", "", "", fault.NotFound},
		"missing directory": {"missing", "", "", fault.NotFound},
		"before the depth":  {"shallow", "HEAD~1", "", fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			tree, c, err := git.OpenTree(filepath.Join(root, tt.dir), tt.rev)
			if fault.CodeOf(err) != tt.code || c != tt.commit {
				t.Fatalf("OpenTree = %q, %v; want %q, code %q", c, err, tt.commit, tt.code)
			}
			if tt.code != "" {
				return
			}
			got, err := tree.ReadFile("dir/a")
			if want := map[string]string{first: "1", second: "2"}[c]; err != nil || string(got) != want {
				t.Errorf("dir/a = %q, %v; want %q", got, err, want)
			}
		})
	}
}

func TestOpenTreeWithoutItsObjects(t *testing.T) {
	work := filepath.Join(t.TempDir(), "work")
	gittest.Run(t, "", "git", "init", "-q", "-b", "main", work)
	gittest.Must(t, os.WriteFile(filepath.Join(work, "a"), []byte("1"), 0o600))
	gittest.Run(t, work, "git", "add", "-A")
	gittest.Run(t, work, "git", "commit", "-q", "-m", "x")
	id := strings.TrimSpace(gittest.Run(t, work, "git", "rev-parse", "HEAD:a"))
	gittest.Must(t, os.Remove(filepath.Join(work, ".git", "objects", id[:2], id[2:])))
	tree, _, err := git.OpenTree(work, "")
	gittest.Must(t, err)
	if _, err := tree.ReadFile("a"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a missing object: %v, want code not_found", err)
	}
}
