package apply

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
)

// Repair says how to bring a stage back to what was last applied to it.
type Repair struct {
	Owner     inventory.Owner
	Cluster   string
	Namespace string
	// Manifests are streams that may hold what was last applied, such as the
	// bundles of the last releases: a release that failed half-way leaves
	// objects of two. Documents that are in no entry of the inventory are
	// ignored.
	Manifests [][]byte
	// Leave names objects that are not repaired now, because somebody else
	// keeps changing them.
	Leave []inventory.Key
}

// Repair brings objects that others changed or deleted back to what was last
// applied. It creates nothing new, leaves untouched objects alone, runs no
// release command, and keeps what waits to be pruned.
func (a *Applier) Repair(ctx context.Context, repair Repair) (Report, error) {
	set := desired.Set{Owner: repair.Owner, Cluster: repair.Cluster, Namespace: repair.Namespace, Leave: repair.Leave}
	return a.applyOrRepair(ctx, set, &repair)
}

// reclaim makes Slipway the owner of the fields that the last other manager of
// an object set, so that the next apply removes those that the manifest does
// not hold. Some changes can't be undone otherwise: when somebody replaced the
// only port of a Kubernetes Service, applying the manifest would leave two
// ports without names, which the server refuses.
func (r *run) reclaim(ctx context.Context, c *change) error {
	meta, err := r.applier.client.Get(ctx, c.document.Ref)
	if err != nil {
		return refusal.Explain(c.document.Ref, err)
	}
	if meta == nil || string(meta.UID) != c.live.UID {
		return fmt.Errorf("%s: %w", c.document.Ref, errStale)
	}
	taken := lastManager(meta)
	body, err := csaupgrade.UpgradeManagedFieldsPatch(meta, sets.New(taken), cluster.FieldManager)
	if err != nil {
		return fmt.Errorf("take the fields of %s on %s: %w", taken, c.document.Ref, err)
	}
	if len(body) == 0 {
		return nil
	}
	if meta, err = r.applier.client.PatchJSON(ctx, c.document.Ref, body); err != nil {
		return refusal.Explain(c.document.Ref, err)
	}
	c.live = cluster.StateOf(c.document.Ref, meta)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	c.taken = append(c.taken, refusal.Conflict{Ref: c.document.Ref, Manager: taken})
	return nil
}

// mayReclaim reports whether reclaim may help against an answer.
func (c *change) mayReclaim(status *metav1.Status) bool {
	return c.drifted && !c.reclaimed && c.action == actionPatch && status.Reason == metav1.StatusReasonInvalid && !refusal.IsImmutable(status)
}
