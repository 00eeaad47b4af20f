package inventory

import (
	"context"
	"errors"
	"slices"
	"sync"

	"k8s.io/utils/lru"

	"github.com/slipway-dev/slipway/internal/fault"
)

// memory is a Store that remembers what it loaded and saved, so that a stage
// whose inventory is known costs no request.
type memory struct {
	store Store

	mutex  sync.Mutex // makes a reading and a writing of one owner's one step
	known  *lru.Cache // of *remembered by Owner
	writes int
}

// maxRemembered is how many stages' inventories are remembered.
const maxRemembered = 10_000

// remembered is what is known of a stored inventory.
type remembered struct {
	inventory *Inventory // nil when it must be loaded
	// write is the last write of the inventory: what was loaded before it is
	// not remembered.
	write int
}

var _ Store = (*memory)(nil)

// Remember returns a store that loads each inventory once from another store.
// It is for the one process that writes inventories, the leader. Saving over
// what another process wrote meanwhile is a conflict all the same, and the next
// Load reads the stored inventory.
func Remember(store Store) Store {
	return &memory{store: store, known: lru.New(maxRemembered)}
}

// ErrOutdated says that Save found another version stored than the remembered
// one.
var ErrOutdated = errors.New("the stored inventory is not the remembered one")

// Load implements Store.
func (m *memory) Load(ctx context.Context, owner Owner) (*Inventory, error) {
	known := m.recall(owner)
	if known.inventory != nil {
		return known.inventory.clone(), nil
	}
	inventory, err := m.store.Load(ctx, owner)
	if err != nil {
		return nil, err
	}
	m.keep(inventory, known.write)
	return inventory, nil
}

// Save implements Store.
func (m *memory) Save(ctx context.Context, inventory *Inventory) error {
	write := m.forget(inventory.Owner) // a save without an answer may have been made
	err := m.store.Save(ctx, inventory)
	if fault.CodeOf(err) == fault.Conflict {
		return fault.Wrap(fault.Conflict, errors.Join(ErrOutdated, err), "%s", fault.MessageOf(err))
	}
	if err != nil {
		return err
	}
	m.keep(inventory, write)
	return nil
}

// Delete implements Store.
func (m *memory) Delete(ctx context.Context, inventory *Inventory) error {
	m.forget(inventory.Owner)
	return m.store.Delete(ctx, inventory)
}

// Forget implements Store.
func (m *memory) Forget(owner Owner) { m.forget(owner) }

// recall returns what is known of an owner's inventory.
func (m *memory) recall(owner Owner) remembered {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.lookup(owner)
}

// lookup does the same for a caller who holds the lock.
func (m *memory) lookup(owner Owner) remembered {
	if value, ok := m.known.Get(owner); ok {
		if known, ok := value.(remembered); ok {
			return known
		}
	}
	return remembered{}
}

// keep remembers an inventory unless the owner's inventory was written after
// the write of that number.
func (m *memory) keep(inventory *Inventory, write int) {
	kept := inventory.clone()
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.lookup(inventory.Owner).write == write {
		m.known.Add(inventory.Owner, remembered{inventory: kept, write: write})
	}
}

// forget makes the next Load read the stored inventory, and returns the
// number of the write that is about to be made.
func (m *memory) forget(owner Owner) (write int) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.writes++
	m.known.Add(owner, remembered{write: m.writes})
	return m.writes
}

// clone returns a copy whose entries may be replaced; what they point to is
// never changed in place.
func (i *Inventory) clone() *Inventory {
	copied := *i
	copied.Entries = slices.Clone(i.Entries)
	return &copied
}
