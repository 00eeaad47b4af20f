package cluster

import (
	"fmt"
	"strconv"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// liveKind holds the states of the objects of one kind, of all stages or of
// one namespace.
type liveKind struct {
	live      *Live
	ref       inventory.Ref // without name; with a namespace when only that is watched
	source    *metadataOnly // reads with the identity that may
	unstarted bool
	stop      func() // ends the watch; nil before it runs
	synced    bool
	objects   map[liveName]liveState
}

type liveName struct{ namespace, name string }

// liveState is what is kept of an object: with its name about 200 bytes.
type liveState struct {
	uid      string
	fields   string
	version  uint64
	applied  bool
	replicas bool
	deleting bool
}

// reduced returns the part of a state that the live view keeps.
func reduced(s *State) liveState {
	version, _ := strconv.ParseUint(s.Version, 10, 64) // zero is older than every other
	return liveState{uid: s.UID, fields: s.Fields, version: version, applied: s.Applied, replicas: s.Replicas, deleting: s.Deleting}
}

// put keeps a state unless a newer one is known. It reports whether anything
// but the version changed.
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

// Transformer implements cache.TransformingStore: the reflector holds whole
// lists in memory, so objects are reduced before.
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

// read returns the name and the state of an object that the reflector hands
// over, reduced or not.
func (k *liveKind) read(object any) (liveName, liveState, error) {
	meta, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return liveName{}, liveState{}, fmt.Errorf("the watch of %s sent a %T", k.ref.Kind, object)
	}
	s := reduced(StateOf(k.ref, meta))
	if reduced, ok := meta.Annotations[annotationState]; ok && len(meta.ManagedFields) == 0 {
		_, _ = fmt.Sscanf(reduced, "%t %t %s", &s.applied, &s.replicas, &s.fields) // the last is empty for what was never applied
	}
	// A namespace has many objects, and many objects have the same fields.
	s.fields = unique.Make(s.fields).Value()
	return liveName{unique.Make(meta.Namespace).Value(), meta.Name}, s, nil
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
	name, final, err := k.read(object)
	if err != nil {
		return err
	}
	k.live.mutex.Lock()
	known, ok := k.objects[name]
	gone := ok && (known.uid == final.uid || known.version <= final.version)
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
	type change struct {
		name liveName
		kind inventory.DriftKind
	}
	var changes []change
	k.live.mutex.Lock()
	for name, known := range k.objects {
		switch s, ok := fresh[name]; {
		case known.version > listed && (!ok || known.version > s.version):
			fresh[name] = known // recorded after the list was made
		case !ok:
			changes = append(changes, change{name, inventory.DriftDeleted})
		}
	}
	for name, s := range fresh {
		known, ok := k.objects[name]
		known.version = s.version
		if k.synced && (!ok || known != s) {
			changes = append(changes, change{name, inventory.DriftChanged})
		}
	}
	k.objects, k.synced = fresh, true
	k.live.mutex.Unlock()
	for _, c := range changes {
		k.report(c.name, c.kind)
	}
	return nil
}

// Resync implements cache.ReflectorStore.
func (k *liveKind) Resync() error { return nil }

// report calls the view's changed.
func (k *liveKind) report(name liveName, kind inventory.DriftKind) {
	if k.live.changed == nil {
		return
	}
	ref := k.ref
	ref.Namespace, ref.Name = name.namespace, name.name
	k.live.changed(inventory.Drift{Ref: ref, Kind: kind})
}
