package project

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

func TestHostSlots(t *testing.T) {
	slots := newHostSlots(8, 8, 2)
	hanging := hostOf(v1alpha1.Repository{URL: "https://git.example:8443/acme/shop.git"})
	first, _ := slots.enter(hanging)
	if _, free := slots.enter(hanging); first == nil || !free {
		t.Fatal("a free slot is refused")
	}
	if _, free := slots.enter(hanging); free {
		t.Error("three of two slots are taken")
	}
	if _, free := slots.enter(hostOf(v1alpha1.Repository{URL: "ssh://git@git.example/acme/shop.git"})); !free {
		t.Error("another server has no slots left")
	}
	first.leave()
	if _, free := slots.enter(hanging); !free {
		t.Error("a slot that was given back stays taken")
	}
}

// TestHangingHostsLeaveSlots has more servers that hang than there are slots. Once they
// take long, others find every quick slot free, and their next syncs take none.
func TestHangingHostsLeaveSlots(t *testing.T) {
	slots := newHostSlots(quickSyncs, longSyncs, syncsPerHost)
	var held []*hostSlot
	hang := func(n int) {
		for i := range n {
			if slot, free := slots.enter(fmt.Sprintf("hangs-%d.example", i)); free {
				if slot.takesLong() {
					held = append(held, slot)
				} else {
					slot.leave() // it ends
				}
			}
		}
	}
	for range 3 {
		hang(10 * parallelSyncs)
	}
	if len(held) != longSyncs {
		t.Errorf("%d syncs hang, want %d", len(held), longSyncs)
	}
	var quick []*hostSlot
	for i := range quickSyncs {
		slot, free := slots.enter(fmt.Sprintf("quick-%d.example", i))
		if !free {
			t.Fatalf("server %d that answers at once finds no slot", i)
		}
		quick = append(quick, slot)
	}
	for _, slot := range append(held, quick...) {
		slot.leave()
	}
	if slots.free[false] != quickSyncs || slots.free[true] != longSyncs || len(slots.taken) != 0 {
		t.Errorf("afterwards %v are free, %v taken", slots.free, slots.taken)
	}
	if held[0].takesLong(); slots.free[true] != longSyncs {
		t.Error("a slot that was given back is taken again")
	}
	again, _ := slots.enter("hangs-0.example")
	if again == nil || !again.isLong {
		t.Error("a server that hung takes a quick slot")
	}
	again.leave() // quick this time
	if again, _ = slots.enter("hangs-0.example"); again == nil || again.isLong {
		t.Error("a server that mended still takes a long slot")
	}
}

// TestSyncWithoutPlaceEnds ends a sync that takes long, where no slot is left for it.
func TestSyncWithoutPlaceEnds(t *testing.T) {
	f := newFixture(t, newProject(nil))
	f.hosts, f.Long = newHostSlots(1, 0, 1), time.Millisecond
	f.repos.during = func(ctx context.Context) error {
		<-ctx.Done()
		return fault.Wrap(fault.Unavailable, ctx.Err(), "the fetch ended")
	}
	_, err := f.Reconcile(t.Context(), shop)
	if fault.CodeOf(err) != fault.Unavailable || !strings.Contains(fault.MessageOf(err), "many git servers take long") {
		t.Errorf("the sync ended with %v", err)
	}
	if f.hosts.free[false] != 1 {
		t.Error("its slot is still taken")
	}
}
