package netpol

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/knftables"
)

// refresh puts the rules back if somebody else removed them; pause collects
// changes that come together.
const (
	refresh = 30 * time.Second
	pause   = 20 * time.Millisecond
)

// Agent keeps the packet filter in step with the API server.
type Agent struct {
	nft     knftables.Interface
	log     *slog.Logger
	factory informers.SharedInformerFactory
	changed chan struct{}

	mu sync.Mutex // guards what follows, and applying
	// starting holds the addresses that the network plugin told, until the pod is gone.
	starting map[Key]netip.Addr
	applied  string
}

// NewAgent watches through client and writes the table of nft.
func NewAgent(client kubernetes.Interface, nft knftables.Interface, log *slog.Logger) (*Agent, error) {
	agent := &Agent{
		nft: nft, log: log, factory: informers.NewSharedInformerFactory(client, 0),
		changed: make(chan struct{}, 1), starting: map[Key]netip.Addr{},
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { agent.touch() },
		UpdateFunc: func(any, any) { agent.touch() },
		DeleteFunc: func(any) { agent.touch() },
	}
	for _, informer := range []cache.SharedIndexInformer{
		agent.factory.Core().V1().Pods().Informer(),
		agent.factory.Core().V1().Namespaces().Informer(),
		agent.factory.Networking().V1().NetworkPolicies().Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return nil, fmt.Errorf("watch for changes: %w", err)
		}
	}
	return agent, nil
}

// Run enforces policies until ctx ends. It calls ready once the first rules hold.
func (a *Agent) Run(ctx context.Context, ready func()) error {
	a.factory.StartWithContext(ctx)
	defer a.factory.Shutdown() // waits for the watches
	for kind, synced := range a.factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("read %s from the API server: %w", kind, context.Cause(ctx))
		}
	}
	if err := a.apply(ctx, true); err != nil {
		return err
	}
	ready()
	ticker := time.NewTicker(refresh)
	defer ticker.Stop()
	for {
		force := false
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			force = true
		case <-a.changed:
			time.Sleep(pause)
		}
		if err := a.apply(ctx, force); err != nil && ctx.Err() == nil {
			a.log.Error("apply network policies", "error", err)
			a.touch() // try again
			time.Sleep(time.Second)
		}
	}
}

// Admit puts the rules of a pod that is being started in force, under the
// address that the network plugin gave it.
func (a *Agent) Admit(ctx context.Context, pod Key, address netip.Addr) error {
	lister := a.factory.Core().V1().Pods().Lister().Pods(pod.Namespace)
	for { // the kubelet may know the pod a moment earlier than we do
		if _, err := lister.Get(pod.Name); err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("find pod %s/%s: the API server doesn't know it", pod.Namespace, pod.Name)
		case <-time.After(10 * time.Millisecond):
		}
	}
	a.mu.Lock()
	a.starting[pod] = address
	a.mu.Unlock()
	return a.apply(ctx, false)
}

// touch asks for the rules to be made anew; asking twice is asking once.
func (a *Agent) touch() {
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// apply makes the rules and writes them if they differ from the last ones.
func (a *Agent) apply(ctx context.Context, force bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	snapshot, err := a.snapshot()
	if err != nil {
		return err
	}
	rules, err := Compile(snapshot)
	if err != nil {
		return err
	}
	tx := Transaction(a.nft, rules)
	if text := tx.String(); force || text != a.applied {
		if err := a.nft.Run(ctx, tx); err != nil {
			return fmt.Errorf("write packet filter rules: %w", err)
		}
		a.applied = text
	}
	return nil
}

// snapshot reads the watches' caches and forgets pods that are gone.
func (a *Agent) snapshot() (Snapshot, error) {
	pods, podsErr := a.factory.Core().V1().Pods().Lister().List(labels.Everything())
	namespaces, namespacesErr := a.factory.Core().V1().Namespaces().Lister().List(labels.Everything())
	policies, policiesErr := a.factory.Networking().V1().NetworkPolicies().Lister().List(labels.Everything())
	if err := errors.Join(podsErr, namespacesErr, policiesErr); err != nil {
		return Snapshot{}, fmt.Errorf("list objects: %w", err)
	}
	known := map[Key]bool{}
	for _, pod := range pods {
		known[Key{pod.Namespace, pod.Name}] = true
	}
	addresses := map[Key]netip.Addr{}
	for key, address := range a.starting {
		if !known[key] {
			delete(a.starting, key)
			continue
		}
		addresses[key] = address
	}
	return Snapshot{Pods: pods, Namespaces: namespaces, Policies: policies, Addresses: addresses}, nil
}
