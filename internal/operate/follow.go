package operate

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

const (
	// unattendedLimit is after how long a request that no server has taken up
	// is reported as such.
	unattendedLimit = 15 * time.Second
	// rewatch is the pause before a watch that ended is begun again.
	rewatch = 500 * time.Millisecond
	// followTick is how often a follower is asked again, for what time alone
	// decides.
	followTick = time.Second
)

// Update is what a follower of a release gets.
type Update struct {
	Release *v1alpha1.Release
	// Unattended is true in one update, when no server has taken the release
	// up for a while.
	Unattended bool
}

// Follow calls update whenever a release changes from the given state, and
// every second, until update returns true. It returns the release as it was
// then. An error of the context is returned as it is.
func (s *Stage) Follow(ctx context.Context, rel *v1alpha1.Release, update func(Update) (done bool)) (*v1alpha1.Release, error) {
	f := &follower{update: update, given: rel, unattended: time.After(unattendedLimit)}
	for since := rel.ResourceVersion; ; since = "" {
		options := &client.ListOptions{Namespace: rel.Namespace, Raw: &metav1.ListOptions{ResourceVersion: since}}
		watcher, err := s.client.Watch(ctx, &v1alpha1.ReleaseList{}, options, client.MatchingFields{"metadata.name": rel.Name})
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, Explain(err, "watch release %s", rel.Name)
		}
		done, err := f.read(ctx, watcher)
		watcher.Stop()
		if done || err != nil {
			return f.last, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(rewatch):
		}
	}
}

// follower passes what a watch brings on to its update function.
type follower struct {
	update     func(Update) bool
	given      *v1alpha1.Release
	last       *v1alpha1.Release // nil until the watch brought the release
	unattended <-chan time.Time
}

// read reads a watch until the update function is done, or the watch ends.
func (f *follower) read(ctx context.Context, watcher watch.Interface) (done bool, err error) {
	tick := time.NewTicker(followTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case event, open := <-watcher.ResultChan():
			if !open {
				return false, nil
			}
			if event.Type == watch.Deleted {
				return false, fault.New(fault.NotFound, "the release was deleted while it was waited for; its stage may be gone")
			}
			if rel, isRelease := event.Object.(*v1alpha1.Release); isRelease {
				f.last = rel
			}
		case <-f.unattended:
			if f.reportUnattended() {
				return true, nil
			}
			continue
		case <-tick.C:
		}
		if f.last != nil && f.update(Update{Release: f.last}) {
			return true, nil
		}
	}
}

// reportUnattended says once that no server has taken the release up, unless
// one has.
func (f *follower) reportUnattended() (done bool) {
	rel := f.last
	if rel == nil {
		rel = f.given
	}
	if rel.Status.Phase != "" && f.last != nil {
		return false
	}
	return f.update(Update{Release: rel, Unattended: true})
}
