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

func TestFlightsAreBoundedPerKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFlights(2)
		var now, most atomic.Int64
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				leave, err := f.enter(t.Context(), "acme/loud")
				if err != nil {
					t.Error(err)
					return
				}
				defer leave()
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Second)
				now.Add(-1)
			})
		}
		synctest.Wait()
		began := time.Now()
		leave, err := f.enter(t.Context(), "acme/quiet")
		if err != nil || time.Since(began) != 0 {
			t.Errorf("another project waits %s: %v", time.Since(began), err)
		}
		leave()
		group.Wait()
		if most.Load() != 2 || len(f.open) != 0 {
			t.Errorf("%d at once, want 2; %d projects are remembered, want none", most.Load(), len(f.open))
		}
	})
}

func TestFlightGivesUp(t *testing.T) {
	f := newFlights(1)
	leave, err := f.enter(t.Context(), "acme/shop")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = f.enter(ctx, "acme/shop")
	var refused refusal
	if !errors.As(err, &refused) || refused.status != http.StatusServiceUnavailable {
		t.Errorf("%v, want unavailable", err)
	}
	leave()
	if len(f.open) != 0 {
		t.Errorf("%d projects are remembered, want none", len(f.open))
	}
}
