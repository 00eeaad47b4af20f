package cluster

import (
	"context"
	"sync"
)

// width is how many requests of one apply run at once. It is less than what
// the cluster's limiter allows, so that a stage of a thousand objects does not
// keep small stages waiting.
const width = 12

// Each calls do for every item, at most width at once, waits for all calls and
// returns their errors. For an item that had not begun when ctx ended, the
// error is the cause of ctx.
func Each[T any](ctx context.Context, items []T, do func(context.Context, T) error) []error {
	errs := make([]error, len(items))
	next := make(chan int)
	var group sync.WaitGroup
	for range min(width, len(items)) {
		group.Go(func() {
			for at := range next {
				if ctx.Err() != nil {
					errs[at] = context.Cause(ctx)
					continue
				}
				errs[at] = do(ctx, items[at])
			}
		})
	}
	for at := range items {
		next <- at
	}
	close(next)
	group.Wait()
	var problems []error
	for _, err := range errs {
		if err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}
