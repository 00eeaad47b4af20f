package git

import (
	"errors"
	"fmt"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/slipway-dev/slipway/internal/fault"
)

const (
	// localCacheBytes is how much of a local repository is kept in memory.
	localCacheBytes = 32 * cache.MiByte
	// localLargeBytes is the size of an object beyond which it is not read before its
	// size is known.
	localLargeBytes = 1 << 20
)

// localObjects reads the object store of a checkout. Its reads are not safe
// for concurrent use by themselves, hence the lock.
type localObjects struct {
	store storer.EncodedObjectStorer
	limit int64
	mu    sync.Mutex
}

// OpenTree opens the tree of a revision of a local checkout, of which dir is
// any directory; linked worktrees and bare repositories work too. An empty rev
// means HEAD. It returns the commit's id. Uncommitted changes are not seen.
func OpenTree(dir, rev string) (*Tree, string, error) {
	repo, err := openLocal(dir)
	if errors.Is(err, gogit.ErrRepositoryNotExists) {
		return nil, "", fault.Wrap(fault.NotFound, err, "%s is not inside a git repository; run git init there, or name a directory that is", dir)
	}
	if err != nil {
		return nil, "", fault.Wrap(fault.Invalid, err, "the git repository at %s can't be opened; check it with git fsck", dir)
	}
	if rev == "" {
		rev = "HEAD"
	}
	h, err := resolve(repo, rev)
	if err != nil {
		return nil, "", fault.Wrap(fault.NotFound, err, "%s names no commit in %s; commit something first, or name a branch, tag or commit id", rev, dir)
	}
	limits := DefaultLimits()
	local := &localObjects{store: repo.Storer, limit: limits.ObjectBytes}
	kind, data, err := local.Object(*h)
	if err != nil {
		return nil, "", err
	}
	c, err := DecodeCommit(*h, kind, data)
	if err != nil {
		return nil, "", fault.Wrap(fault.Invalid, err, "%s is not a commit; name a branch, tag or commit id", rev)
	}
	return NewTree(local, c.TreeHash, limits.Tree), h.String(), nil
}

// Message returns the message of a commit of a local checkout.
func Message(dir, rev string) (string, error) {
	repo, err := openLocal(dir)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "the git repository at %s can't be opened; check it with git fsck", dir)
	}
	h, err := resolve(repo, rev)
	if err != nil {
		return "", fault.Wrap(fault.NotFound, err, "%s names no commit in %s", rev, dir)
	}
	local := &localObjects{store: repo.Storer, limit: DefaultLimits().ObjectBytes}
	kind, data, err := local.Object(*h)
	if err != nil {
		return "", err
	}
	c, err := DecodeCommit(*h, kind, data)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "%s is not a commit", rev)
	}
	return NewCommit(c).Message, nil
}

// openLocal finds the repository around a directory, or the bare one in it,
// and opens it so that objects borrowed from other repositories are found too.
func openLocal(dir string) (*gogit.Repository, error) {
	options := gogit.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true}
	repo, err := gogit.PlainOpenWithOptions(dir, &options)
	if errors.Is(err, gogit.ErrRepositoryNotExists) {
		options.DetectDotGit = false
		repo, err = gogit.PlainOpenWithOptions(dir, &options)
	}
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	found, ok := repo.Storer.(*filesystem.Storage)
	if !ok {
		return repo, nil
	}
	store := filesystem.NewStorageWithOptions(found.Filesystem(), cache.NewObjectLRU(localCacheBytes), filesystem.Options{AlternatesFS: osfs.New("/"), LargeObjectThreshold: localLargeBytes})
	repo, err = gogit.Open(store, nil)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	return repo, nil
}

// resolve finds a revision; the library panics on some malformed ones.
func resolve(repo *gogit.Repository, rev string) (_ *plumbing.Hash, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("parse revision: %v", r)
		}
	}()
	return repo.ResolveRevision(plumbing.Revision(rev))
}

// Object reads one object.
func (l *localObjects) Object(h plumbing.Hash) (_ plumbing.ObjectType, _ []byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer RecoverAs(&err)
	object, err := l.store.EncodedObject(plumbing.AnyObject, h)
	if err != nil {
		return plumbing.InvalidObject, nil, fault.Wrap(fault.NotFound, err, "object %s is not in the local repository; fetch the complete repository (a partial clone is not enough)", h)
	}
	data, err := ObjectBytes(object, l.limit)
	if errors.Is(err, ErrTooLarge) {
		return object.Type(), nil, fault.Wrap(fault.Invalid, err, "an object of the repository is larger than the limit of %d bytes; remove it", l.limit)
	}
	if err != nil {
		return object.Type(), nil, fault.Wrap(fault.Invalid, err, "object %s of the local repository can't be read; check it with git fsck", h)
	}
	return object.Type(), data, nil
}
