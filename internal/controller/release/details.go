package release

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// maxDetails bounds the finished releases that are kept as a whole: the next push
// to a stage compares with its last good one.
const maxDetails = 1024

// details reads what the watch cache drops of finished releases.
type details struct {
	live client.Reader // the API server itself
	kept *lru.Cache    // types.UID → *v1alpha1.Release, of releases that ended here or were read
}

func newDetails(live client.Reader) *details { return &details{live: live, kept: lru.New(maxDetails)} }

// keep remembers a release that ended in this process.
func (d *details) keep(finished *v1alpha1.Release) { d.kept.Add(finished.UID, finished) }

// of returns the whole of a slim release. It must not be changed.
func (d *details) of(ctx context.Context, slim *v1alpha1.Release) (*v1alpha1.Release, error) {
	if whole, found := d.kept.Get(slim.UID); found {
		return whole.(*v1alpha1.Release), nil
	}
	var whole v1alpha1.Release
	err := d.live.Get(ctx, client.ObjectKeyFromObject(slim), &whole)
	if apierrors.IsNotFound(err) || err == nil && whole.UID != slim.UID {
		return nil, fault.New(fault.NotFound, "release %s is gone", slim.Name)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "release %s could not be read", slim.Name)
	}
	d.keep(&whole)
	return &whole, nil
}
