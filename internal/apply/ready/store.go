package ready

import (
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/cache"
)

// store holds the objects of one kind as a watch reports them, by name. It is
// safe for concurrent use.
type store[T any] struct {
	mutex   sync.Mutex
	items   map[string]T
	changed func()
}

var _ cache.ReflectorStore = (*store[any])(nil)

func newStore[T any](changed func()) *store[T] {
	return &store[T]{items: map[string]T{}, changed: changed}
}

func (t *store[T]) all() []T {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	items := make([]T, 0, len(t.items))
	for _, item := range t.items {
		items = append(items, item)
	}
	return items
}

func (t *store[T]) get(name string) (T, bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	item, ok := t.items[name]
	return item, ok
}

// Add implements cache.ReflectorStore.
func (t *store[T]) Add(object any) error { return t.Update(object) }

// Update implements cache.ReflectorStore.
func (t *store[T]) Update(object any) error {
	defer t.changed()
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.put(object)
}

func (t *store[T]) put(object any) error {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	if item, ok := object.(T); ok {
		t.items[accessor.GetName()] = item
	}
	return nil
}

// Delete implements cache.ReflectorStore.
func (t *store[T]) Delete(object any) error {
	defer t.changed()
	accessor, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	delete(t.items, accessor.GetName())
	return nil
}

// Replace implements cache.ReflectorStore.
func (t *store[T]) Replace(objects []any, _ string) error {
	defer t.changed()
	t.mutex.Lock()
	defer t.mutex.Unlock()
	clear(t.items)
	for _, object := range objects {
		if err := t.put(object); err != nil {
			return err
		}
	}
	return nil
}

// Resync implements cache.ReflectorStore.
func (t *store[T]) Resync() error { return nil }
