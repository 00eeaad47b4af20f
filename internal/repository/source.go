package repository

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/build/source"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/mirror"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/scm"
)

const (
	// maxDocuments bounds the parsed project files that are kept.
	maxDocuments = 512
	// maxShownURL is how much of a clone URL people are shown.
	maxShownURL = 200
)

// Sources opens projects' repositories: their heads, their commits' trees and
// their project files. Where a repository is and who may read it always comes
// from the Project. It is safe for concurrent use.
type Sources struct {
	secrets   *kube.Secrets
	forges    *forge.Forges
	mirrors   *mirror.Store
	grants    Grants
	allowHTTP bool
	work      *Work

	documents *lru.Cache // key → *projectfile.Document
	parsing   singleflight.Group
}

// Grants says how builds fetch their sources from this server.
type Grants struct {
	Signer *source.Signer
	// URL is where builds reach the source handler.
	URL string
	// TTL is how long a token opens its one context.
	TTL time.Duration
	Now func() time.Time
}

// NewSources returns sources kept in mirrors. Plain http clone URLs are
// refused unless allowHTTP is set.
func NewSources(secrets *kube.Secrets, forges *forge.Forges, mirrors *mirror.Store, grants Grants, allowHTTP bool) *Sources {
	return &Sources{secrets: secrets, forges: forges, mirrors: mirrors, grants: grants, allowHTTP: allowHTTP, work: &Work{}, documents: lru.New(maxDocuments)}
}

// Work is what runs for projects: fetches, and what waits for them.
func (s *Sources) Work() *Work { return s.work }

// fetching records a fetch of a repository.
func (s *Sources) fetching(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (context.Context, func()) {
	return s.work.Begin(ctx, client.ObjectKeyFromObject(p), "a fetch of "+printable.Excerpt(repository.URL, maxShownURL))
}

// Heads fetches what is new and returns the repository's heads.
func (s *Sources) Heads(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (git.Heads, error) {
	ctx, end := s.fetching(ctx, p, repository)
	defer end()
	remote, err := s.remote(ctx, p, repository)
	if err != nil {
		return git.Heads{}, err
	}
	return s.mirrors.Fetch(ctx, mirrorKey(p, repository), remote)
}

// Head implements runner.Refs.
func (s *Sources) Head(ctx context.Context, p *v1alpha1.Project, ref string) (string, error) {
	heads, err := s.Heads(ctx, p, p.Primary())
	if err != nil {
		return "", err
	}
	commit, found := heads.Refs[ref]
	if !found {
		return "", fault.New(fault.NotFound, "repository %s has no ref %s", p.Primary().Path, ref)
	}
	return commit, nil
}

// Tree returns the tree of a commit of the repository, which is fetched when
// the mirror does not have it.
func (s *Sources) Tree(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository, commit string) (*git.Tree, error) {
	ctx, end := s.fetching(ctx, p, repository)
	defer end()
	remote, err := s.remote(ctx, p, repository)
	if err != nil {
		return nil, err
	}
	if err := s.mirrors.Ensure(ctx, mirrorKey(p, repository), remote, commit); err != nil {
		return nil, err
	}
	return s.mirrors.Tree(ctx, mirrorKey(p, repository), commit)
}

// Commit returns what a commit that was fetched says of itself.
func (s *Sources) Commit(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository, commit string) (git.Commit, error) {
	return s.mirrors.Commit(ctx, mirrorKey(p, repository), commit)
}

// Knows reports whether a commit of the repository was ever fetched and is
// still kept.
func (s *Sources) Knows(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository, commit string) bool {
	_, err := s.mirrors.Commit(ctx, mirrorKey(p, repository), commit)
	return err == nil
}

// File returns the project file of a head, with the services that its commits
// of secondary repositories declare and what the accepted file says of members,
// stages and previews, and an id that changes when the file or one of those commits
// does. It reads no ref: the same head gives the same file.
func (s *Sources) File(ctx context.Context, p *v1alpha1.Project, head v1alpha1.Head) (*projectfile.Document, string, error) {
	document, id, err := s.primary(ctx, p, head.FileCommit)
	if err != nil {
		return nil, "", err
	}
	document, id, err = s.withSecondary(ctx, p, document, id, head.Secondary)
	if err != nil || head.AcceptedCommit == "" {
		return document, id, err
	}
	accepted, _, err := s.Policy(ctx, p, head.AcceptedCommit)
	if err != nil {
		return nil, "", err
	}
	return document.Under(accepted), id, nil
}

// primary returns what the primary repository's own project file of a commit says,
// and its object id.
func (s *Sources) primary(ctx context.Context, p *v1alpha1.Project, commit string) (*projectfile.Document, string, error) {
	tree, err := s.Tree(ctx, p, p.Primary(), commit)
	if err != nil {
		return nil, "", err
	}
	id, err := tree.Hash(project.FileName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, "", err
	}
	if err != nil {
		return nil, "", fault.Wrap(fault.NotFound, err, "commit %.8s has no %s at its root; add one, `slipway init` writes it", commit, project.FileName)
	}
	document, err := s.document(tree, id)
	if err != nil {
		return nil, "", err
	}
	if document.File.Project != p.Name {
		line, col := document.Position("project")
		return nil, "", fault.New(fault.Denied, "%s:%d:%d: project: is %q, but this repository belongs to project %q; write project: %s", project.FileName, line, col, document.File.Project, p.Name, p.Name)
	}
	return document, id, nil
}

// document parses a primary project file once per object id.
func (s *Sources) document(tree *git.Tree, id string) (*projectfile.Document, error) {
	return s.parsed(tree, id, project.FileName, projectfile.Parse)
}

// parsed parses a project file once per key. Whoever asks for another key does
// not wait.
func (s *Sources) parsed(tree *git.Tree, key, name string, parse func(name string, data []byte) (*projectfile.Document, error)) (*projectfile.Document, error) {
	if document, found := s.documents.Get(key); found {
		return document.(*projectfile.Document), nil
	}
	document, err, _ := s.parsing.Do(key, func() (any, error) {
		data, err := tree.ReadFile(project.FileName)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", project.FileName, err)
		}
		document, err := parse(name, data)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "%s", err.Error())
		}
		s.documents.Add(key, document)
		return document, nil
	})
	if err != nil {
		return nil, err
	}
	return document.(*projectfile.Document), nil
}

// repositoryByURL returns the project's repository with a clone URL.
func repositoryByURL(p *v1alpha1.Project, url string) (v1alpha1.Repository, error) {
	for _, r := range p.Spec.Repositories {
		if strings.TrimSuffix(r.URL, ".git") == strings.TrimSuffix(url, ".git") {
			return r, nil
		}
	}
	return v1alpha1.Repository{}, fault.New(fault.Denied, "repository %s is none of project %s's; the platform team lists it in the Project's spec.repositories", url, p.Name)
}

func mirrorKey(p *v1alpha1.Project, repository v1alpha1.Repository) string {
	return p.Namespace + "/" + p.Name + "/" + repository.Name
}

func (s *Sources) remote(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (git.Remote, error) {
	authority, err := s.secrets.Authority(ctx, p.Namespace, repository.CA)
	if err != nil {
		return git.Remote{}, err
	}
	remote := git.Remote{URL: repository.URL, AllowHTTP: s.allowHTTP, Authority: authority}
	if _, ref, ofFork := strings.Cut(repository.Name, forkSeparator); ofFork {
		remote.Refs = []string{ref}
	}
	if repository.Credentials == nil {
		return remote, nil
	}
	name := types.NamespacedName{Namespace: p.Namespace, Name: repository.Credentials.Name}
	data, err := s.secrets.Data(ctx, name)
	if err != nil {
		return git.Remote{}, err
	}
	remote.Credentials = git.Credentials{
		Username:   string(data["username"]),
		Token:      string(data["token"]),
		SSHKey:     data["ssh-privatekey"],
		KnownHosts: data["known_hosts"],
	}
	if len(data["private-key"]) > 0 && remote.Credentials.Token == "" {
		return remote, s.borrow(ctx, repository, data, authority, &remote.Credentials)
	}
	return remote, nil
}

// borrow fills in what the forge lends a GitHub App for git. It isn't kept
// here: the forge's client renews it in time.
func (s *Sources) borrow(ctx context.Context, repository v1alpha1.Repository, data map[string][]byte, authority []byte, into *git.Credentials) error {
	forge, err := s.forges.Of(repository, data, authority)
	if err != nil {
		return err
	}
	lender, lends := forge.Reporter.(scm.Lender)
	if !lends {
		return fault.New(fault.Invalid, "forge %s of repository %s has no Apps; put a token into Secret %s", repository.Forge, repository.Name, repository.Credentials.Name)
	}
	into.Username, into.Token, err = lender.GitCredentials(ctx)
	return err
}

// Open implements runner.Sources.
func (s *Sources) Open(ctx context.Context, p *v1alpha1.Project, stage *v1alpha1.Stage, commit string) (release.Snapshot, error) {
	if stage.Spec.Fork {
		return s.snapshot(ctx, p, Fork(p, stage.Spec.Ref), commit)
	}
	return s.snapshot(ctx, p, p.Primary(), commit)
}

// OpenSecondary implements runner.Sources.
func (s *Sources) OpenSecondary(ctx context.Context, p *v1alpha1.Project, head v1alpha1.Head, url, ref string) (release.Snapshot, error) {
	repository, err := repositoryByURL(p, url)
	if err != nil {
		return release.Snapshot{}, err
	}
	commit, found := recorded(head.Secondary, repository, ref)
	if !found {
		return release.Snapshot{}, fault.New(fault.NotFound, "repository %s had no %s when the push was planned; push it or correct the build's ref", repository.Path, cmp.Or(ref, "default branch"))
	}
	return s.snapshot(ctx, p, repository, commit)
}

func (s *Sources) snapshot(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository, commit string) (release.Snapshot, error) {
	tree, err := s.Tree(ctx, p, repository, commit)
	if err != nil {
		return release.Snapshot{}, err
	}
	made, err := s.Commit(ctx, p, repository, commit)
	if err != nil {
		return release.Snapshot{}, err
	}
	return release.Snapshot{Tree: tree, Repository: repository.Name, Commit: commit, Made: made.Made}, nil
}

// commitAt returns the commit that a revision points to.
func commitAt(heads git.Heads, revision string) (commit string, found bool) {
	revision = cmp.Or(revision, heads.Default)
	for _, ref := range []string{revision, "refs/heads/" + revision, "refs/tags/" + revision} {
		if commit, found := heads.Refs[ref]; found {
			return commit, true
		}
	}
	return "", false
}

// Archive opens a directory of a commit for a build that holds a token.
func (s *Sources) Archive(ctx context.Context, c client.Reader, claims source.Claims) (source.Tar, error) {
	var p v1alpha1.Project
	key := client.ObjectKey{Namespace: naming.OrganizationNamespace(claims.Organization), Name: claims.Project}
	if err := c.Get(ctx, key, &p); err != nil {
		return nil, fault.Wrap(fault.NotFound, err, "project %s/%s is gone", claims.Organization, claims.Project)
	}
	name, ref, ofFork := strings.Cut(claims.Repository, forkSeparator)
	for _, repository := range p.Spec.Repositories {
		if repository.Name != name {
			continue
		}
		if ofFork {
			repository = Fork(&p, ref)
		}
		tree, err := s.Tree(ctx, &p, repository, claims.Commit)
		if err != nil {
			return nil, err
		}
		return func(w io.Writer) error {
			return tree.Tar(ctx, w, claims.Path, func(ctx context.Context, tree *git.Tree, add func(string) error) error {
				selection, err := claims.Scope.On(tree, claims.Path)
				if err != nil {
					return err
				}
				return selection.Walk(ctx, func(name string, _ fs.FileMode) error { return add(name) })
			})
		}, nil
	}
	return nil, fault.New(fault.NotFound, "project %s has no repository %s any more", claims.Project, claims.Repository)
}

// Grant implements runner.Sources.
func (s *Sources) Grant(o release.Inputs, snapshot release.Snapshot, directory string, read scope.Scope) (build.Source, error) {
	token, err := s.grants.Signer.Sign(source.Claims{
		Organization: o.Organization,
		Project:      o.Project.Name,
		Repository:   snapshot.Repository,
		Commit:       snapshot.Commit,
		Path:         path.Clean(directory),
		Scope:        read,
		Expires:      s.grants.Now().Add(s.grants.TTL),
	})
	if err != nil {
		return build.Source{}, fmt.Errorf("grant %s of %.8s: %w", directory, snapshot.Commit, err)
	}
	return build.Source{URL: s.grants.URL, Token: token}, nil
}
