package apply

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
)

// Repair is what a stage is brought back to: what was last applied to it.
type Repair struct {
	Owner     Owner
	Cluster   string
	Namespace string
	// Manifests are streams that may hold what was last applied, such as the
	// bundles of the last releases: a release that failed half-way leaves
	// objects of two. Documents that are in no entry of the inventory are
	// ignored.
	Manifests [][]byte
	// Leave names objects that are not repaired now, because somebody else
	// keeps changing them.
	Leave []Key
}

// Repair brings objects that others changed or deleted back to what was last
// applied. It makes nothing new, changes nothing that is as it was left, runs
// no release command, and forgets nothing that waits to be pruned.
func (a *Applier) Repair(ctx context.Context, repair Repair) (Report, error) {
	set := Set{Owner: repair.Owner, Cluster: repair.Cluster, Namespace: repair.Namespace, Leave: repair.Leave}
	return a.bring(ctx, set, &repair)
}

// reclaim gives Slipway the fields that the one who broke an object set, so
// that applying it removes those that the manifest does not hold. It is for
// changes that can't be undone otherwise: a Kubernetes Service whose only port
// somebody replaced would have two without names, which the server refuses.
func (r *run) reclaim(ctx context.Context, c *change) error {
	meta, err := r.applier.client.get(ctx, c.document.ref)
	if err != nil {
		return explain(c.document.ref, err)
	}
	if meta == nil || string(meta.UID) != c.live.uid {
		return fmt.Errorf("%s: %w", c.document.ref, errStale)
	}
	taken := lastManager(meta)
	body, err := csaupgrade.UpgradeManagedFieldsPatch(meta, sets.New(taken), FieldManager)
	if err != nil {
		return fmt.Errorf("take the fields of %s on %s: %w", taken, c.document.ref, err)
	}
	if len(body) == 0 {
		return nil
	}
	if meta, err = r.applier.client.patchJSON(ctx, c.document.ref, body); err != nil {
		return explain(c.document.ref, err)
	}
	c.live = observe(c.document.ref, meta)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	c.taken = append(c.taken, Conflict{Ref: c.document.ref, Manager: taken})
	return nil
}

// mayReclaim reports whether an answer is one that taking the breaker's fields
// may help against.
func (c *change) mayReclaim(status *metav1.Status) bool {
	return c.drifted && !c.reclaimed && c.action == actionPatch && status.Reason == metav1.StatusReasonInvalid && !isImmutable(status)
}
