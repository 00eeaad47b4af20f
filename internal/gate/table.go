package gate

import (
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/entrance"
)

// Table holds the previews that the gate stands in front of. It is safe for concurrent
// use.
type Table struct {
	mu       sync.RWMutex
	previews map[string]*preview // by the name of their entrance
	hosts    map[string]*preview
}

// NewTable returns an empty table.
func NewTable() *Table { return &Table{previews: map[string]*preview{}, hosts: map[string]*preview{}} }

// preview is one preview in the table.
type preview struct {
	name string
	seen atomic.Pointer[view]
	probes
}

// view is what is known of a preview at a time.
type view struct {
	entrance.Entrance
	gone    bool
	changed chan struct{} // closed when another view takes its place
}

// wakesInVain reports whether the preview is asleep because it could not wake.
func (v *view) wakesInVain() bool {
	return v.State == entrance.Asleep && v.Phase == v1alpha1.PhaseFailed
}

// view returns what is known of the preview now.
func (p *preview) view() *view { return p.seen.Load() }

// show puts another view in place of the one before.
func (p *preview) show(next *view) {
	next.changed = make(chan struct{})
	if before := p.seen.Swap(next); before != nil {
		close(before.changed)
	}
}

// Set records what the entrance of a name is now.
func (t *Table) Set(name string, e entrance.Entrance) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.previews[name]
	if p == nil {
		p = &preview{name: name}
		t.previews[name] = p
	}
	t.dropHosts(p)
	for _, host := range e.Hosts {
		t.hosts[strings.ToLower(host)] = p
	}
	p.show(&view{Entrance: e})
}

// Remove forgets the entrance of a name; requests that are held for it end.
func (t *Table) Remove(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.previews[name]
	if p == nil {
		return
	}
	delete(t.previews, name)
	t.dropHosts(p)
	p.show(&view{gone: true})
}

func (t *Table) dropHosts(p *preview) {
	maps.DeleteFunc(t.hosts, func(_ string, of *preview) bool { return of == p })
}

// find returns the preview of a host, nil for none.
func (t *Table) find(host string) *preview {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.hosts[host]
}
