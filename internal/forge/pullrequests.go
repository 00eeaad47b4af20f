package forge

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// maxProjects bounds the projects whose open pull requests are kept.
const maxProjects = 1024

// ErrNothingToAsk is the cause where a project gives nothing to ask its forge with. A
// forge that refuses what it gives is another error.
var ErrNothingToAsk = errors.New("the project gives nothing to ask its forge with")

// PullRequests reads the open pull requests of projects' primary repositories,
// once per sync of the project and only when somebody needs them. It is safe for
// concurrent use.
type PullRequests struct {
	client func(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (*Client, error)

	mu   sync.Mutex
	kept *lru.Cache // projectVersion → *openPullRequests
}

// projectVersion is a project whose repositories and credentials have not changed.
type projectVersion struct {
	name       types.NamespacedName
	uid        types.UID
	generation int64
}

// openPullRequests are those of one project since its last sync.
type openPullRequests struct {
	mu   sync.Mutex // held while they are read, so that they are read once
	read bool
	open []scm.PullRequest
}

// NewPullRequests returns what reads with the clients of the forges.
func NewPullRequests(forges *Forges) *PullRequests {
	return &PullRequests{client: forges.Client, kept: lru.New(maxProjects)}
}

// Expire has a project's pull requests read again when somebody needs them
// next. A sync begins with it. It waits for no read that is under way.
func (r *PullRequests) Expire(p *v1alpha1.Project) { r.kept.Remove(versionOf(p)) }

// Open returns the open pull requests of the project's primary repository, which
// must not be changed: others get the same. ErrNothingToAsk, or an error of
// scm.Reader, is not kept.
func (r *PullRequests) Open(ctx context.Context, p *v1alpha1.Project) ([]scm.PullRequest, error) {
	since := r.sinceSync(p)
	since.mu.Lock()
	defer since.mu.Unlock()
	if since.read {
		return since.open, nil
	}
	client, err := r.client(ctx, p, p.Primary())
	if err != nil {
		return nil, err
	}
	if client == nil {
		return nil, fault.Wrap(fault.Denied, ErrNothingToAsk, "repository %s has no credentials for its forge; name a Secret with a token in the Project's spec.repositories", p.Primary().Name)
	}
	reader, reads := client.Reader()
	if !reads {
		return nil, fault.Wrap(fault.Denied, ErrNothingToAsk, "the forge %s of repository %s does not list pull requests", p.Primary().Forge, p.Primary().Name)
	}
	exchange, end := scm.Exchange(ctx)
	defer end()
	open, err := reader.PullRequests(exchange, p.Primary().Path)
	if err != nil {
		return nil, fmt.Errorf("list pull requests of %s: %w", p.Primary().Path, err)
	}
	since.read, since.open = true, open
	return open, nil
}

// Merged returns the pull request whose merge made a commit of a branch of the
// project's primary repository, nil when none did, or its forge does not say. The file
// is looked up at the head that was merged. Errors are those of scm.Reviewer.
func (r *PullRequests) Merged(ctx context.Context, p *v1alpha1.Project, branch, commit, file string) (*scm.Merged, error) {
	client, err := r.client(ctx, p, p.Primary())
	if err != nil || client == nil {
		return nil, err
	}
	reviewer, knows := client.Reporter.(scm.Reviewer)
	if !knows {
		return nil, nil
	}
	exchange, end := scm.Exchange(ctx)
	defer end()
	merged, err := reviewer.Merged(exchange, p.Primary().Path, branch, commit, file)
	if err != nil {
		return nil, fmt.Errorf("read reviews of %.8s: %w", commit, err)
	}
	return merged, nil
}

// Ref returns the ref of the project's primary repository under which its forge
// publishes the head of a pull request.
func (r *PullRequests) Ref(ctx context.Context, p *v1alpha1.Project, number int64) (string, error) {
	client, err := r.client(ctx, p, p.Primary())
	if err != nil {
		return "", err
	}
	if client != nil {
		if publisher, is := client.Reporter.(scm.Publisher); is && publisher.PullRef(number) != "" {
			return publisher.PullRef(number), nil
		}
	}
	return "", fault.New(fault.Invalid, "the forge of repository %s does not publish the commits of forks, so they get no previews; set previews.forks to never, or push the branch to the repository", p.Primary().Path)
}

// sinceSync returns what is kept of a project since its last sync.
func (r *PullRequests) sinceSync(p *v1alpha1.Project) *openPullRequests {
	r.mu.Lock()
	defer r.mu.Unlock()
	version := versionOf(p)
	if known, found := r.kept.Get(version); found {
		return known.(*openPullRequests)
	}
	since := &openPullRequests{}
	r.kept.Add(version, since)
	return since
}

func versionOf(p *v1alpha1.Project) projectVersion {
	return projectVersion{name: types.NamespacedName{Namespace: p.Namespace, Name: p.Name}, uid: p.UID, generation: p.Generation}
}
