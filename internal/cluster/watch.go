package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
)

// apiWatches are the live views of API servers: one for all Clusters that reach
// the same server with the same credentials. The zero value is ready; the
// owner guards it.
type apiWatches struct {
	running map[string]*watched
	group   sync.WaitGroup
}

// watched is one API server under watch.
type watched struct {
	cluster *cluster.Cluster
	live    *cluster.Live
	stop    context.CancelFunc
}

// credentialsKey tells apart what Clusters reach: the control cluster, or one
// that a kubeconfig names.
func credentialsKey(kubeconfig []byte) string {
	if len(kubeconfig) == 0 {
		return "control"
	}
	sum := sha256.Sum256(kubeconfig)
	return hex.EncodeToString(sum[:])
}

// open returns the view of an API server, and begins to watch it when nobody
// does. The watch outlives ctx.
func (w *apiWatches) open(ctx context.Context, key string, config *rest.Config, changed func(inventory.Drift)) (*watched, error) {
	if found := w.running[key]; found != nil {
		return found, nil
	}
	live, err := cluster.NewLive(config, changed)
	if err != nil {
		return nil, fault.Wrap(fault.CodeOf(err), err, "watch the cluster's objects")
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	w.group.Go(func() { live.Run(watching) })
	opened := &watched{cluster: cluster.New(live), live: live, stop: stop}
	if w.running == nil {
		w.running = map[string]*watched{}
	}
	w.running[key] = opened
	return opened, nil
}

// retain ends the watches that no connection needs.
func (w *apiWatches) retain(needed map[string]bool) {
	for key, watched := range w.running {
		if !needed[key] {
			watched.stop()
			delete(w.running, key)
		}
	}
}

// close ends every watch and waits for them.
func (w *apiWatches) close() {
	w.retain(nil)
	w.group.Wait()
}
