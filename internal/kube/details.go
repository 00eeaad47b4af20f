package kube

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// maxDetails bounds how many releases are kept with all their details.
const maxDetails = 1024

// ReleaseDetails reads finished releases with the details that a watch cache may
// drop. It keeps those that were read or written last, because a finished release
// does not change, except for what was reported of it. It is safe for concurrent use.
type ReleaseDetails struct {
	reader client.Reader
	known  *lru.Cache // types.UID → *v1alpha1.Release
}

// NewReleaseDetails returns a reader of releases that reads from the API server
// through reader.
func NewReleaseDetails(reader client.Reader) *ReleaseDetails {
	return &ReleaseDetails{reader: reader, known: lru.New(maxDetails)}
}

// Keep keeps a finished release, so that it need not be read. It must not be changed
// afterwards.
func (d *ReleaseDetails) Keep(whole *v1alpha1.Release) {
	if whole.Status.Phase.Done() {
		d.known.Add(whole.UID, whole)
	}
}

// Read returns a release with all its details; the caller must not change it. The
// error of a release that is gone has the code NotFound.
func (d *ReleaseDetails) Read(ctx context.Context, slim *v1alpha1.Release) (*v1alpha1.Release, error) {
	if known, kept := d.known.Get(slim.UID); kept {
		return known.(*v1alpha1.Release), nil
	}
	var whole v1alpha1.Release
	name := types.NamespacedName{Namespace: slim.Namespace, Name: slim.Name}
	if err := d.reader.Get(ctx, name, &whole); err != nil {
		return nil, fault.Wrap(CodeOf(err), err, "release %s could not be read", slim.Name)
	}
	if whole.UID != slim.UID {
		return nil, fault.New(fault.NotFound, "release %s is gone; another one has its name", slim.Name)
	}
	d.Keep(&whole)
	return &whole, nil
}
