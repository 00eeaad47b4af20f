package apply

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/slipway-dev/slipway/internal/fault"
)

// memory is a Store that remembers what it loaded and saved, so that a stage
// whose inventory is known costs no request.
type memory struct {
	store Store

	mutex  sync.Mutex
	known  map[Owner]*Inventory
	writes map[Owner]int // what was loaded before the last write is not kept
}

var _ Store = (*memory)(nil)

// Remember returns a store that asks another only for what it does not know.
// It is for the one process that writes inventories, as the leader does. A
// save over what somebody else wrote meanwhile is a conflict all the same, and
// the next load finds it.
func Remember(store Store) Store {
	return &memory{store: store, known: map[Owner]*Inventory{}, writes: map[Owner]int{}}
}

// errOutdated is saving over an inventory of which another version was
// remembered.
var errOutdated = errors.New("the stored inventory is not the remembered one")

// Load implements Store.
func (m *memory) Load(ctx context.Context, owner Owner) (*Inventory, error) {
	m.mutex.Lock()
	known, writes := m.known[owner], m.writes[owner]
	m.mutex.Unlock()
	if known != nil {
		return known.clone(), nil
	}
	inventory, err := m.store.Load(ctx, owner)
	if err != nil {
		return nil, err
	}
	m.keep(inventory, writes)
	return inventory, nil
}

// Save implements Store.
func (m *memory) Save(ctx context.Context, inventory *Inventory) error {
	writes := m.forget(inventory.Owner) // whether a save without an answer was made is unknown
	err := m.store.Save(ctx, inventory)
	if fault.CodeOf(err) == fault.Conflict {
		return fault.Wrap(fault.Conflict, errors.Join(errOutdated, err), "%s", fault.MessageOf(err))
	}
	if err != nil {
		return err
	}
	m.keep(inventory, writes)
	return nil
}

// Delete implements Store.
func (m *memory) Delete(ctx context.Context, inventory *Inventory) error {
	m.forget(inventory.Owner)
	return m.store.Delete(ctx, inventory)
}

// keep remembers an inventory unless one was written since writes was read.
func (m *memory) keep(inventory *Inventory, writes int) {
	kept := inventory.clone()
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.writes[inventory.Owner] == writes {
		m.known[inventory.Owner] = kept
	}
}

func (m *memory) forget(owner Owner) (writes int) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.known, owner)
	m.writes[owner]++
	return m.writes[owner]
}

// clone returns a copy whose entries may be replaced; what they point to is
// never changed in place.
func (i *Inventory) clone() *Inventory {
	copied := *i
	copied.Entries = slices.Clone(i.Entries)
	return &copied
}
