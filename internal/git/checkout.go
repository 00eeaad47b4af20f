package git

import (
	"errors"
	"strings"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Checkout describes a local checkout. Fields that are not known are empty.
type Checkout struct {
	Root          string // top directory of the work tree
	Branch        string // the branch that is checked out, without refs/heads/
	DefaultBranch string // of the remote origin
	Origin        string // URL of the remote origin, as configured: it may hold a password
}

// OpenCheckout looks at the checkout around a directory. The error's code is
// not_found when there is none.
func OpenCheckout(dir string) (Checkout, error) {
	repo, err := gogit.PlainOpenWithOptions(dir, &gogit.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	if errors.Is(err, gogit.ErrRepositoryNotExists) {
		return Checkout{}, fault.Wrap(fault.NotFound, err, "%s is not inside a git repository; run git init there, or name a directory that is", dir)
	}
	if err != nil {
		return Checkout{}, fault.Wrap(fault.Invalid, err, "the git repository at %s can't be opened; check it with git fsck", dir)
	}
	found := Checkout{Branch: symbolicTarget(repo, plumbing.HEAD, "refs/heads/")}
	found.DefaultBranch = symbolicTarget(repo, "refs/remotes/origin/HEAD", "refs/remotes/origin/")
	if work, err := repo.Worktree(); err == nil {
		found.Root = work.Filesystem.Root()
	}
	if remote, err := repo.Remote("origin"); err == nil && len(remote.Config().URLs) > 0 {
		found.Origin = remote.Config().URLs[0]
	}
	return found, nil
}

// symbolicTarget returns what a symbolic ref points to, without the prefix; it need
// not exist yet.
func symbolicTarget(repo *gogit.Repository, name plumbing.ReferenceName, prefix string) string {
	ref, err := repo.Storer.Reference(name)
	if err != nil || ref.Type() != plumbing.SymbolicReference {
		return ""
	}
	short, found := strings.CutPrefix(ref.Target().String(), prefix)
	if !found {
		return ""
	}
	return short
}
