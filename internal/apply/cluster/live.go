package cluster

import (
	"context"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Live watches the metadata of the objects that Slipway made on one cluster,
// and keeps about 200 bytes per object. With it, applying an unchanged stage
// takes no request, and drift is seen at once.
//
// Live watches the kinds that stages usually consist of in all namespaces, with
// the server's own identity, and other kinds from their first use on. It
// watches kinds that the server must not read everywhere, Secrets above all, in
// one stage's namespace with the identity of the stage's service account.
//
// Run must be called once; everything else is safe for concurrent use. A nil
// *Live knows nothing.
type Live struct {
	source  *metadataOnly
	changed func(inventory.Drift)
	pending chan struct{} // signals that kinds wait for Run to watch them

	mutex sync.RWMutex
	kinds map[liveScope]*liveKind
}

// liveScope is a kind in one namespace, or everywhere.
type liveScope struct {
	schema.GroupKind
	namespace string
}

// metadataOnly reads metadata with one identity.
type metadataOnly struct {
	client metadata.Interface
	rest   *rest.RESTClient
	kinds  *kinds
}

func newMetadataOnly(config *rest.Config, known *kinds) (*metadataOnly, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst, config.RateLimiter = -1, 0, nil
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the cluster's credentials do not work; give the Cluster another kubeconfig")
	}
	raw, err := newRESTClient(config)
	if err != nil {
		return nil, err
	}
	return &metadataOnly{client: client, rest: raw, kinds: known}, nil
}

// NewLive returns a live view that reads with the server's own identity on the
// cluster. changed, which may be nil, is called for every object that changed
// in a way that matters, Slipway's own changes included; it must not block.
func NewLive(config *rest.Config, changed func(inventory.Drift)) (*Live, error) {
	known := newKinds()
	source, err := newMetadataOnly(config, known)
	if err != nil {
		return nil, err
	}
	l := &Live{source: source, changed: changed, pending: make(chan struct{}, 1), kinds: map[liveScope]*liveKind{}}
	for gk, kind := range known.builtin {
		if watchedFromStart(gk) {
			l.add(inventory.Ref{Group: gk.Group, Version: kind.versions[0], Kind: gk.Kind}, source)
		}
	}
	return l, nil
}

// watchedFromStart reports whether a kind is watched from the start. The chart lets the
// server read the metadata of these, and of no others, in all namespaces.
func watchedFromStart(gk schema.GroupKind) bool {
	switch gk.Kind {
	case "Namespace", "ConfigMap", "Service", "ServiceAccount", "PersistentVolumeClaim", "Deployment", "StatefulSet", "Job", "CronJob",
		"Ingress", "HorizontalPodAutoscaler", "PodDisruptionBudget":
		return true
	}
	return false
}

// watchedEverywhere reports whether the server may read a kind in all namespaces,
// although not every cluster has it.
func watchedEverywhere(gk schema.GroupKind) bool {
	return gk == schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "HTTPRoute"}
}

// add makes a kind known that Run is to watch; the caller holds the lock, or
// nobody else knows l yet.
func (l *Live) add(ref inventory.Ref, source *metadataOnly) {
	l.kinds[liveScope{ref.GroupKind(), ref.Namespace}] = &liveKind{
		live: l, ref: ref, source: source, unstarted: true, objects: map[liveName]liveState{},
	}
}

// watch begins to watch the kind of an object unless it is watched. stage reads
// with the identity of the service account of the object's stage.
func (l *Live) watch(ref inventory.Ref, stage *metadataOnly) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.find(ref) != nil {
		return
	}
	kind, source := ref, stage
	kind.Name = ""
	if watchedEverywhere(ref.GroupKind()) {
		kind.Namespace, source = "", l.source
	}
	l.add(kind, source)
	select {
	case l.pending <- struct{}{}:
	default:
	}
}

// watches reports whether the kind of an object is watched already.
func (l *Live) watches(ref inventory.Ref) bool {
	if l == nil || ref.Namespace == "" {
		return true
	}
	l.mutex.RLock()
	defer l.mutex.RUnlock()
	return l.find(ref) != nil
}

// find returns what watches an object; the caller holds the lock.
func (l *Live) find(ref inventory.Ref) *liveKind {
	if kind := l.kinds[liveScope{ref.GroupKind(), ""}]; kind != nil {
		return kind
	}
	return l.kinds[liveScope{ref.GroupKind(), ref.Namespace}]
}

// Forget ends the watches of one namespace, which goes with its stage.
func (l *Live) Forget(namespace string) {
	if l == nil || namespace == "" {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for scope, kind := range l.kinds {
		if scope.namespace != namespace {
			continue
		}
		if kind.stop != nil {
			kind.stop()
		}
		delete(l.kinds, scope)
	}
}

// selectOwned selects the objects that stages consist of, and not what
// Slipway keeps on the control cluster.
const selectOwned = naming.LabelManagedBy + "=" + naming.ManagedBy + "," + naming.LabelStage + ",!" + inventory.Label

// Run watches until ctx ends.
func (l *Live) Run(ctx context.Context) {
	var group sync.WaitGroup
	defer group.Wait()
	for {
		for _, start := range l.starts(ctx) {
			group.Go(start)
		}
		select {
		case <-l.pending:
		case <-ctx.Done():
			return
		}
	}
}

// starts returns a function for each kind that is not watched yet: it watches
// the kind until ctx ends.
func (l *Live) starts(ctx context.Context) []func() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var starts []func()
	for _, kind := range l.kinds {
		if !kind.unstarted {
			continue
		}
		kind.unstarted = false
		watching, stop := context.WithCancel(ctx)
		kind.stop = stop
		starts = append(starts, func() { kind.watch(watching) })
	}
	return starts
}

// unservedPause is how long to wait before asking again for a kind that the
// cluster does not serve.
const unservedPause = 30 * time.Second

// watch follows the kind's objects until ctx ends.
func (k *liveKind) watch(ctx context.Context) {
	defer k.unsync()
	found, err := k.source.kinds.resolve(ctx, k.source.rest, k.ref)
	for err != nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(unservedPause):
			found, err = k.source.kinds.resolve(ctx, k.source.rest, k.ref)
		}
	}
	resource := k.source.client.Resource(k.ref.GroupVersion().WithResource(found.plural)).Namespace(k.ref.Namespace)
	all := Collection{Labels: selectOwned, Watch: resource.Watch}
	all.List = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return resource.List(ctx, o) }
	all.Follow(ctx, &metav1.PartialObjectMetadata{}, k)
}

// unsync marks that nothing is known of the kind any more.
func (k *liveKind) unsync() {
	k.live.mutex.Lock()
	defer k.live.mutex.Unlock()
	k.synced = false
}

// Synced reports whether the kinds that are watched from the start were listed
// once.
func (l *Live) Synced() bool {
	l.mutex.RLock()
	defer l.mutex.RUnlock()
	for scope, kind := range l.kinds {
		if watchedFromStart(scope.GroupKind) && !kind.synced {
			return false
		}
	}
	return true
}

// Objects returns how many objects are known.
func (l *Live) Objects() int {
	l.mutex.RLock()
	defer l.mutex.RUnlock()
	count := 0
	for _, kind := range l.kinds {
		count += len(kind.objects)
	}
	return count
}

// Namespace reports whether a stage's namespace is there and not being deleted;
// certain is false when the view can't say. It does not know one that was made a
// moment ago.
func (l *Live) Namespace(name string) (there, certain bool) {
	s, certain := l.lookup(inventory.Ref{Version: "v1", Kind: "Namespace", Name: name})
	return s != nil && !s.Deleting, certain
}

// lookup returns what is known of an object, nil when it does not exist;
// certain is false when the view can't say.
func (l *Live) lookup(ref inventory.Ref) (s *State, certain bool) {
	if l == nil {
		return nil, false
	}
	l.mutex.RLock()
	defer l.mutex.RUnlock()
	kind := l.find(ref)
	if kind == nil || !kind.synced {
		return nil, false
	}
	found, ok := kind.objects[liveName{ref.Namespace, ref.Name}]
	if !ok {
		return nil, true
	}
	return &State{
		UID: found.uid, Version: strconv.FormatUint(found.version, 10), Fields: found.fields,
		Applied: found.applied, Replicas: found.replicas, Deleting: found.deleting, Partial: true,
	}, true
}

// record keeps the state that an apply left, so that the next apply need not
// wait for the watch.
func (l *Live) record(ref inventory.Ref, s *State) {
	if l == nil {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	kind := l.find(ref)
	if kind == nil || !kind.synced {
		return
	}
	kind.put(liveName{ref.Namespace, ref.Name}, reduced(s))
}
