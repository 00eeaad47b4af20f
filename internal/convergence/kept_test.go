//go:build integration

package convergence

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// kept notes every Delivery that is made, whatever is deleted later: their
// history is bounded.
type kept struct {
	stop context.CancelFunc
	done chan struct{}

	mu    sync.Mutex
	names map[string]bool
	from  string // the version that was seen last
}

// keep notes from now on.
func (s *sender) keep() *kept {
	s.t.Helper()
	namespace := naming.OrganizationNamespace(s.organization)
	list := deliveryNames()
	if err := world.Client.List(s.t.Context(), list, client.InNamespace(namespace)); err != nil {
		s.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	k := &kept{stop: stop, done: make(chan struct{}), names: map[string]bool{}, from: list.ResourceVersion}
	go func() {
		defer close(k.done)
		for ctx.Err() == nil {
			if err := k.follow(ctx, namespace); err != nil && ctx.Err() == nil {
				s.t.Errorf("watch deliveries: %v", err)
				return
			}
		}
	}()
	return k
}

// follow notes what one watch tells, from where the last one ended.
func (k *kept) follow(ctx context.Context, namespace string) error {
	w, err := world.Client.Watch(ctx, deliveryNames(), &client.ListOptions{Namespace: namespace, Raw: &metav1.ListOptions{ResourceVersion: k.from}})
	if err != nil {
		return err
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		d, ok := event.Object.(*metav1.PartialObjectMetadata)
		if !ok {
			return &unexpected{event}
		}
		k.mu.Lock()
		k.from = d.ResourceVersion
		k.names[d.Name] = true
		k.mu.Unlock()
	}
	return nil
}

// deliveryNames is a list of what deliveries are called: what is in them would
// cost the sender as much as sending.
func deliveryNames() *metav1.PartialObjectMetadataList {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion().WithKind("DeliveryList"))
	return list
}

// unexpected is an event that tells of no Delivery.
type unexpected struct{ watch.Event }

func (u *unexpected) Error() string { return string(u.Type) + " event of something else" }

// missing ends the notes and returns how many accepted deliveries were never
// made.
func (k *kept) missing(all *sent) int {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		k.mu.Lock()
		missing := 0
		for name := range all.accepted {
			if !k.names[name] {
				missing++
			}
		}
		k.mu.Unlock()
		if missing == 0 || time.Now().After(deadline) {
			k.stop()
			<-k.done
			return missing
		}
	}
}
