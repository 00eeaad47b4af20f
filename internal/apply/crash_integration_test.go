//go:build integration

package apply

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// A process is killed after every single write of a first apply of twelve
// objects, with the answer of the last write received or lost; the next
// process ends with all twelve, each made once, and nothing else.
func TestCrashAfterEveryWriteOfAFirstApply(t *testing.T) {
	first := manifests(twelve("1")...)
	for _, lost := range []bool{false, true} {
		for after := 0; ; after++ {
			s := newStage(t)
			s.traffic.cut(after, lost)
			_, err := s.applier.Apply(t.Context(), s.set(first))
			if killed := s.traffic.heal(); !killed {
				if err != nil {
					t.Fatalf("after %d writes: %v", after, err)
				}
				if after < 14 {
					t.Fatalf("the apply took only %d writes, want at least 14", after)
				}
				break
			}
			if err == nil && !lost {
				t.Fatalf("killed after %d writes, and no error", after)
			}
			before := s.objects()
			s.restart()
			s.apply(first)
			s.complete(12, before, fmt.Sprintf("killed after %d writes (answer lost: %v)", after, lost))
		}
	}
}

// The same for a change of everything: new objects, changed ones, a Job that
// must be replaced, and pruning. The next process has yet another set.
func TestCrashAfterEveryWriteOfAChange(t *testing.T) {
	first := manifests(twelve("1")...)
	second := manifests(append(twelve("2")[:11], configMap("new", "1"), service("extra", 81))...)
	third := manifests(twelve("3")[:10]...)
	for _, lost := range []bool{false, true} {
		for after := 0; ; after++ {
			s := newStage(t)
			s.other(configMap("foreign", "x"))
			s.apply(first)
			s.traffic.cut(after, lost)
			_, err := s.applier.Apply(t.Context(), s.set(second))
			if err == nil {
				_, err = s.applier.Prune(t.Context(), s.owner)
			}
			killed := s.traffic.heal()
			s.restart()
			s.apply(third)
			s.prune()
			what := fmt.Sprintf("killed after %d writes (answer lost: %v)", after, lost)
			s.settles(10, what)
			if !killed {
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				break
			}
		}
	}
}

// settles checks that the namespace holds the foreign object and count of
// ours, each as the inventory says.
func (s *stage) settles(count int, what string) {
	s.t.Helper()
	s.patiently(what, func() error {
		objects := s.objects()
		if _, ok := objects["configmap/foreign"]; !ok {
			return errors.New("the foreign object is gone")
		}
		delete(objects, "configmap/foreign")
		inventory := s.inventory()
		if len(objects) != count || len(inventory.Entries) != count {
			return fmt.Errorf("%d objects and %d entries, want %d: %v", len(objects), len(inventory.Entries), count, objects)
		}
		return matches(inventory, objects)
	})
	s.traffic.spent()
}

// complete checks that all objects exist, that those which existed before are
// the same ones, and that the inventory says exactly this.
func (s *stage) complete(count int, before map[string]string, what string) {
	s.t.Helper()
	after := s.objects()
	if len(after) != count {
		s.t.Fatalf("%s: %d objects, want %d: %v", what, len(after), count, after)
	}
	for name, uid := range before {
		if after[name] != uid {
			s.t.Errorf("%s: %s was made twice", what, name)
		}
	}
	if err := matches(s.inventory(), after); err != nil {
		s.t.Errorf("%s: %v", what, err)
	}
}

// matches compares an inventory with what is there.
func matches(inventory *inventory.Inventory, objects map[string]string) error {
	var have, want []string
	for _, uid := range objects {
		have = append(have, uid)
	}
	for _, entry := range inventory.Entries {
		want = append(want, entry.UID)
	}
	slices.Sort(have)
	slices.Sort(want)
	if diff := cmp.Diff(want, have); diff != "" {
		return fmt.Errorf("inventory and cluster differ (-inventory +cluster):\n%s", diff)
	}
	return nil
}
