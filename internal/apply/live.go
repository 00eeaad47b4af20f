package apply

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Live is a view of the objects that Slipway made on one cluster: one watch
// per kind over all stages, of which a few words per object are kept. It makes
// applying an unchanged stage free of requests, and sees drift at once.
//
// Secrets are not watched: that would need the right to list all of the
// cluster's. Run must be called once; everything else is safe for concurrent
// use. A nil *Live knows nothing.
type Live struct {
	client  metadata.Interface
	changed func(Drift)

	mutex sync.RWMutex
	kinds map[schema.GroupKind]*liveKind
}

// DriftKind says what happened to an object.
type DriftKind string

// What can happen to an object behind Slipway's back.
const (
	DriftChanged DriftKind = "changed" // fields that Slipway owned are somebody else's
	DriftDeleted DriftKind = "deleted" // it is gone, or its labels are
)

// Drift is an object that may not be as it was left.
type Drift struct {
	Ref  Ref
	Kind DriftKind
	// Manager is who changed it last, as far as the server knows.
	Manager string
}

// liveKind holds the objects of one kind.
type liveKind struct {
	live    *Live
	ref     Ref // without namespace and name
	synced  bool
	objects map[liveName]liveState
}

type liveName struct{ namespace, name string }

// liveState is what is kept of an object: about 150 bytes.
type liveState struct {
	uid      string
	fields   string
	version  uint64
	applied  bool
	replicas bool
	deleting bool
}

// NewLive returns a view that reads with the server's own identity on the
// cluster. changed, which may be nil, is called for every object that changed
// in a way that matters, Slipway's own changes included; it must not block.
func NewLive(config *rest.Config, changed func(Drift)) (*Live, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst, config.RateLimiter = -1, 0, nil
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the cluster's credentials do not work; give the Cluster another kubeconfig")
	}
	l := &Live{client: client, changed: changed, kinds: map[schema.GroupKind]*liveKind{}}
	for gk, kind := range newKinds().builtin {
		if !kind.namespaced || unwatched(gk.Kind) {
			continue
		}
		l.kinds[gk] = &liveKind{
			live: l, ref: Ref{Group: gk.Group, Version: kind.versions[0], Kind: gk.Kind}, objects: map[liveName]liveState{},
		}
	}
	return l, nil
}

func unwatched(kind string) bool {
	switch kind {
	case "Secret", "Pod", "ReplicaSet", "ReplicationController", "Endpoints", "LimitRange", "ResourceQuota":
		return true
	}
	return false
}

// selectOwned selects the objects that stages consist of, and not what
// Slipway keeps on the control cluster.
const selectOwned = naming.LabelManagedBy + "=" + naming.ManagedBy + "," + naming.LabelStage + ",!" + labelInventory

// Run watches until ctx ends.
func (l *Live) Run(ctx context.Context) {
	var group sync.WaitGroup
	served := newKinds().builtin
	for gk, kind := range l.kinds {
		resource := l.client.Resource(kind.ref.groupVersion().WithResource(served[gk].plural))
		group.Go(func() {
			all := collection{labels: selectOwned, watch: resource.Watch}
			all.list = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return resource.List(ctx, o) }
			all.follow(ctx, &metav1.PartialObjectMetadata{}, kind)
		})
	}
	group.Wait()
}

// Synced reports whether every kind was read once.
func (l *Live) Synced() bool {
	l.mutex.RLock()
	defer l.mutex.RUnlock()
	for _, kind := range l.kinds {
		if !kind.synced {
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

// lookup returns what is known of an object, nil when it does not exist;
// certain is false when the view can't say.
func (l *Live) lookup(ref Ref) (s *state, certain bool) {
	if l == nil {
		return nil, false
	}
	l.mutex.RLock()
	defer l.mutex.RUnlock()
	kind := l.kinds[ref.groupKind()]
	if kind == nil || !kind.synced {
		return nil, false
	}
	found, ok := kind.objects[liveName{ref.Namespace, ref.Name}]
	if !ok {
		return nil, true
	}
	return &state{
		uid: found.uid, version: strconv.FormatUint(found.version, 10), fields: found.fields,
		applied: found.applied, replicas: found.replicas, deleting: found.deleting, partial: true,
	}, true
}

// note takes over what an apply left behind, so that the next one need not
// wait for the watch.
func (l *Live) note(ref Ref, s *state) {
	if l == nil {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	kind := l.kinds[ref.groupKind()]
	if kind == nil || !kind.synced {
		return
	}
	kind.put(liveName{ref.Namespace, ref.Name}, stateOf(s))
}

func stateOf(s *state) liveState {
	version, _ := strconv.ParseUint(s.version, 10, 64) // zero gives way to every other
	return liveState{uid: s.uid, fields: s.fields, version: version, applied: s.applied, replicas: s.replicas, deleting: s.deleting}
}

// put takes over a state unless a newer one is known. It reports whether
// something that matters changed.
func (k *liveKind) put(name liveName, fresh liveState) bool {
	known, ok := k.objects[name]
	if ok && known.version > fresh.version {
		return false
	}
	k.objects[name] = fresh
	known.version = fresh.version
	return !ok || known != fresh
}

var _ cache.TransformingStore = (*liveKind)(nil)

// annotationState marks an object that Transformer reduced already.
const annotationState = "slipway.dev/live"

// Transformer implements cache.TransformingStore: whole lists are held in
// memory for a moment, so objects are reduced before.
func (k *liveKind) Transformer() cache.TransformFunc {
	return func(object any) (any, error) {
		meta, ok := object.(*metav1.PartialObjectMetadata)
		if !ok {
			return object, nil
		}
		s := stateOf(observe(k.ref, meta))
		meta.ManagedFields, meta.Labels = nil, nil
		meta.Annotations = map[string]string{annotationState: fmt.Sprintf("%t %t %s", s.applied, s.replicas, s.fields)}
		return meta, nil
	}
}

func (k *liveKind) read(object any) (liveName, liveState, error) {
	meta, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return liveName{}, liveState{}, fmt.Errorf("a watch of %s brought %T", k.ref.Kind, object)
	}
	s := stateOf(observe(k.ref, meta))
	if reduced, ok := meta.Annotations[annotationState]; ok && len(meta.ManagedFields) == 0 {
		_, _ = fmt.Sscanf(reduced, "%t %t %s", &s.applied, &s.replicas, &s.fields) // the last is empty for what was never applied
	}
	return liveName{meta.Namespace, meta.Name}, s, nil
}

// Add implements cache.ReflectorStore.
func (k *liveKind) Add(object any) error { return k.Update(object) }

// Update implements cache.ReflectorStore.
func (k *liveKind) Update(object any) error {
	name, fresh, err := k.read(object)
	if err != nil {
		return err
	}
	k.live.mutex.Lock()
	matters := k.put(name, fresh)
	k.live.mutex.Unlock()
	if matters {
		k.tell(name, DriftChanged)
	}
	return nil
}

// Delete implements cache.ReflectorStore.
func (k *liveKind) Delete(object any) error {
	name, last, err := k.read(object)
	if err != nil {
		return err
	}
	k.live.mutex.Lock()
	known, ok := k.objects[name]
	gone := ok && (known.uid == last.uid || known.version <= last.version)
	if gone {
		delete(k.objects, name)
	}
	k.live.mutex.Unlock()
	if gone {
		k.tell(name, DriftDeleted)
	}
	return nil
}

// Replace implements cache.ReflectorStore.
func (k *liveKind) Replace(objects []any, version string) error {
	listed, _ := strconv.ParseUint(version, 10, 64)
	fresh := make(map[liveName]liveState, len(objects))
	for _, object := range objects {
		name, s, err := k.read(object)
		if err != nil {
			return err
		}
		fresh[name] = s
	}
	type news struct {
		name liveName
		kind DriftKind
	}
	var told []news
	k.live.mutex.Lock()
	for name, known := range k.objects {
		switch s, ok := fresh[name]; {
		case known.version > listed && (!ok || known.version > s.version):
			fresh[name] = known // noted after the list was made
		case !ok:
			told = append(told, news{name, DriftDeleted})
		}
	}
	for name, s := range fresh {
		known, ok := k.objects[name]
		known.version = s.version
		if k.synced && (!ok || known != s) {
			told = append(told, news{name, DriftChanged})
		}
	}
	k.objects, k.synced = fresh, true
	k.live.mutex.Unlock()
	for _, n := range told {
		k.tell(n.name, n.kind)
	}
	return nil
}

// Resync implements cache.ReflectorStore.
func (k *liveKind) Resync() error { return nil }

func (k *liveKind) tell(name liveName, kind DriftKind) {
	if k.live.changed == nil {
		return
	}
	ref := k.ref
	ref.Namespace, ref.Name = name.namespace, name.name
	k.live.changed(Drift{Ref: ref, Kind: kind})
}
