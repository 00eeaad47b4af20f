package webhook

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWritesAreBoundedPerProject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriteSlots(2)
		var now, most atomic.Int64
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				release, err := w.take(t.Context(), "acme/loud")
				if err != nil {
					t.Error(err)
					return
				}
				defer release()
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Second)
				now.Add(-1)
			})
		}
		synctest.Wait()
		began := time.Now()
		release, err := w.take(t.Context(), "acme/quiet")
		if err != nil || time.Since(began) != 0 {
			t.Errorf("another project waits %s: %v", time.Since(began), err)
		}
		release()
		group.Wait()
		if most.Load() != 2 || len(w.projects) != 0 {
			t.Errorf("%d at once, want 2; %d projects are remembered, want none", most.Load(), len(w.projects))
		}
	})
}

func TestWaitForAWriteEnds(t *testing.T) {
	w := newWriteSlots(1)
	release, err := w.take(t.Context(), "acme/shop")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.take(ctx, "acme/shop")
	var refused refusal
	if !errors.As(err, &refused) || refused.status != http.StatusServiceUnavailable {
		t.Errorf("%v, want unavailable", err)
	}
	release()
	if len(w.projects) != 0 {
		t.Errorf("%d projects are remembered, want none", len(w.projects))
	}
}
