package forge

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"k8s.io/utils/lru"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// pulls is a forge that numbers its open pull requests by how often it was asked.
type pulls struct {
	scm.Reporter
	scm.Reader
	mu     sync.Mutex
	asked  int64
	err    error
	during func() // while it is asked
}

func (p *pulls) PullRequests(context.Context, string) ([]scm.PullRequest, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.during != nil {
		p.during()
	}
	return []scm.PullRequest{{Number: p.asked}}, p.err
}

func newTestPullRequests(reporter scm.Reporter) *PullRequests {
	client := func(context.Context, *v1alpha1.Project, v1alpha1.Repository) (*Client, error) {
		return NewClient(reporter), nil
	}
	return &PullRequests{client: client, kept: lru.New(maxProjects)}
}

// wantOpen wants what the forge answered when it was asked for the nth time.
func wantOpen(t *testing.T, r *PullRequests, p *v1alpha1.Project, nth int64) {
	t.Helper()
	if open, err := r.Open(t.Context(), p); err != nil || len(open) != 1 || open[0].Number != nth {
		t.Errorf("%+v, %v; want what was read as the %dth", open, err, nth)
	}
}

func TestPullRequestsAreReadOncePerSync(t *testing.T) {
	p, _ := repositoryAt("github", "", "one")
	forge := &pulls{}
	r := newTestPullRequests(forge)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { wantOpen(t, r, p, 1) })
	}
	group.Wait()

	r.Expire(p)
	r.Expire(p) // nobody needed them during the first of two syncs
	wantOpen(t, r, p, 2)
	wantOpen(t, r, p, 2)

	other, moved, anew := p.DeepCopy(), p.DeepCopy(), p.DeepCopy()
	other.Name, moved.Generation, anew.UID = "other", 2, "anew"
	for nth, project := range []*v1alpha1.Project{other, moved, anew} {
		wantOpen(t, r, project, int64(nth)+3)
	}
	wantOpen(t, r, p, 2)
}

// What was asked before a sync began doesn't count after it, however late the
// answer comes.
func TestLateAnswerIsNotKept(t *testing.T) {
	p, _ := repositoryAt("github", "", "one")
	forge := &pulls{}
	r := newTestPullRequests(forge)
	forge.during = func() { r.Expire(p) }
	wantOpen(t, r, p, 1)
	forge.during = nil
	wantOpen(t, r, p, 2)
}

func TestPullRequestsThatCannotBeRead(t *testing.T) {
	p, repository := repositoryAt("github", "", "one")
	forge := &pulls{err: fault.New(fault.Unavailable, "away")}
	r := newTestPullRequests(forge)
	if _, err := r.Open(t.Context(), p); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a forge that is away: %v", err)
	}
	forge.err = nil
	wantOpen(t, r, p, 2)

	denied := errors.New("no Secret")
	for name, tt := range map[string]struct {
		client *Client
		err    error
		says   string
	}{
		"no credentials": {says: "repository main has no credentials"},
		"can't be asked": {client: NewClient(struct{ scm.Reporter }{}), says: "does not list pull requests"},
		"no client":      {err: denied, says: "no Secret"},
	} {
		r := newTestPullRequests(nil)
		r.client = func(_ context.Context, _ *v1alpha1.Project, of v1alpha1.Repository) (*Client, error) {
			if of.Path != repository.Path {
				t.Errorf("%s: asked for %s", name, of.Path)
			}
			return tt.client, tt.err
		}
		open, err := r.Open(t.Context(), p)
		if open != nil || err == nil || !strings.Contains(err.Error(), tt.says) || tt.err != nil && !errors.Is(err, tt.err) || tt.err == nil && !errors.Is(err, ErrNothingToAsk) {
			t.Errorf("%s: %+v, %v", name, open, err)
		}
	}
}
