package cluster

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestEachReportsEveryError(t *testing.T) {
	items := make([]int, 100)
	for at := range items {
		items[at] = at
	}
	problems := Each(t.Context(), items, func(_ context.Context, n int) error {
		if n%10 == 3 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	if len(problems) != 10 || problems[1].Error() != "13" {
		t.Errorf("%v", problems)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("a newer commit")
	cancel(reason)
	if problems := Each(ctx, items, func(context.Context, int) error { return nil }); len(problems) != 100 || !errors.Is(problems[0], reason) {
		t.Errorf("%d problems", len(problems))
	}
}
