package repository

import (
	"context"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

func TestWorkEndsWithItsProject(t *testing.T) {
	var w Work
	shop, other := types.NamespacedName{Namespace: "a", Name: "shop"}, types.NamespacedName{Namespace: "a", Name: "other"}
	sync, endSync := w.Begin(t.Context(), shop, "")
	if got := w.UnderWay(shop); got != "" {
		t.Errorf("waits for %q", got)
	}
	fetch, endFetch := w.Begin(sync, shop, "a fetch")
	beside, endBeside := w.Begin(t.Context(), other, "another")
	if got := w.UnderWay(shop); got != "a fetch" {
		t.Errorf("waits for %q", got)
	}
	gone := errors.New("gone")
	w.Stop(shop, gone)
	for name, ctx := range map[string]context.Context{"sync": sync, "fetch": fetch} {
		if ctx.Err() == nil {
			t.Errorf("the %s goes on", name)
		}
	}
	if cause := context.Cause(fetch); !errors.Is(cause, gone) {
		t.Errorf("cause %v", cause)
	}
	if beside.Err() != nil {
		t.Error("the work of another project was stopped")
	}
	endFetch()
	endSync()
	endBeside()
	if len(w.tasks) != 0 {
		t.Errorf("%d projects are remembered", len(w.tasks))
	}
	w.Stop(shop, gone)
}
