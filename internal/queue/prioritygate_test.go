package queue

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestRush(t *testing.T) {
	one, two := types.NamespacedName{Name: "one"}, types.NamespacedName{Name: "two"}
	const moment, limit = 10 * time.Millisecond, 500 * time.Millisecond
	cases := map[string]struct {
		happens func(*PriorityGate) // before and while somebody waits
		waits   time.Duration
	}{
		"nobody":         {func(*PriorityGate) {}, 0},
		"one comes over": {func(r *PriorityGate) { r.Begin(one); go after(moment, func() { r.End(one) }) }, moment},
		"the last of two": {func(r *PriorityGate) {
			r.Begin(one)
			r.Begin(two)
			go after(moment, func() { r.End(two); r.End(two); after(moment, func() { r.End(one) }) })
		}, 2 * moment},
		"one that never is over": {func(r *PriorityGate) { r.Begin(one) }, limit},
		"in the midst of it":     {func(r *PriorityGate) { r.Begin(one); time.Sleep(limit - moment); r.Begin(two) }, moment},
		"pushes without end":     {func(r *PriorityGate) { r.Begin(one); time.Sleep(limit); r.Begin(two) }, 0},
		"the next after a lost one": {func(r *PriorityGate) {
			r.Begin(one)
			time.Sleep(2 * limit)
			r.Begin(two)
			go after(moment, func() { r.End(two) })
		}, moment},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewPriorityGate(limit)
				c.happens(r)
				began := time.Now()
				if err := r.Wait(t.Context()); err != nil || time.Since(began) != c.waits {
					t.Errorf("waited %s, %v; want %s", time.Since(began), err, c.waits)
				}
			})
		})
	}
	t.Run("given up", func(t *testing.T) {
		r := NewPriorityGate(limit)
		r.Begin(one)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func after(d time.Duration, do func()) {
	time.Sleep(d)
	do()
}
