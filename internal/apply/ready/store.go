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

func (s *store[T]) all() []T {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	items := make([]T, 0, len(s.items))
	for _, item := range s.items {
		items = append(items, item)
	}
	return items
}

func (s *store[T]) get(name string) (T, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	item, ok := s.items[name]
	return item, ok
}

// Add implements cache.ReflectorStore.
func (s *store[T]) Add(object any) error { return s.Update(object) }

// Update implements cache.ReflectorStore.
func (s *store[T]) Update(object any) error {
	defer s.changed()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.put(object)
}

func (s *store[T]) put(object any) error {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	if item, ok := object.(T); ok {
		s.items[accessor.GetName()] = item
	}
	return nil
}

// Delete implements cache.ReflectorStore.
func (s *store[T]) Delete(object any) error {
	defer s.changed()
	accessor, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.items, accessor.GetName())
	return nil
}

// Replace implements cache.ReflectorStore.
func (s *store[T]) Replace(objects []any, _ string) error {
	defer s.changed()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	clear(s.items)
	for _, object := range objects {
		if err := s.put(object); err != nil {
			return err
		}
	}
	return nil
}

// Resync implements cache.ReflectorStore.
func (s *store[T]) Resync() error { return nil }
