package cluster

import (
	"fmt"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// liveKind holds the objects of one kind, of all stages or of one.
type liveKind struct {
	live      *Live
	ref       inventory.Ref // without name; with namespace when of one stage
	source    *metadataOnly // whose identity reads
	unstarted bool
	stop      func() // ends the watch; nil before it runs
	synced    bool
	objects   map[liveName]liveState
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

func reduced(s *State) liveState {
	version, _ := strconv.ParseUint(s.Version, 10, 64) // zero gives way to every other
	return liveState{uid: s.UID, fields: s.Fields, version: version, applied: s.Applied, replicas: s.Replicas, deleting: s.Deleting}
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
		s := reduced(StateOf(k.ref, meta))
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
	s := reduced(StateOf(k.ref, meta))
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
		k.report(name, inventory.DriftChanged)
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
		k.report(name, inventory.DriftDeleted)
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
		kind inventory.DriftKind
	}
	var told []news
	k.live.mutex.Lock()
	for name, known := range k.objects {
		switch s, ok := fresh[name]; {
		case known.version > listed && (!ok || known.version > s.version):
			fresh[name] = known // noted after the list was made
		case !ok:
			told = append(told, news{name, inventory.DriftDeleted})
		}
	}
	for name, s := range fresh {
		known, ok := k.objects[name]
		known.version = s.version
		if k.synced && (!ok || known != s) {
			told = append(told, news{name, inventory.DriftChanged})
		}
	}
	k.objects, k.synced = fresh, true
	k.live.mutex.Unlock()
	for _, n := range told {
		k.report(n.name, n.kind)
	}
	return nil
}

// Resync implements cache.ReflectorStore.
func (k *liveKind) Resync() error { return nil }

func (k *liveKind) report(name liveName, kind inventory.DriftKind) {
	if k.live.changed == nil {
		return
	}
	ref := k.ref
	ref.Namespace, ref.Name = name.namespace, name.name
	k.live.changed(inventory.Drift{Ref: ref, Kind: kind})
}
