package scm

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

// HookChange is what was done to one hook.
type HookChange struct {
	// Did is created, repaired, kept or removed.
	Did  string `json:"did"`
	ID   string `json:"id"`
	URL  string `json:"url"`
	Why  string `json:"why,omitempty"`
	hook Hook
}

// SameHook reports whether two addresses are those of one project's hook:
// nothing but the server may differ.
func SameHook(a, b string) bool {
	first, errFirst := url.Parse(a)
	second, errSecond := url.Parse(b)
	if errFirst != nil || errSecond != nil {
		return false
	}
	path := first.EscapedPath()
	return strings.Contains(path, "/hooks/") && path == second.EscapedPath()
}

// SyncHook makes the repository have exactly one hook of the project, which is
// active, at the right address and with the secret. A secret can't be read, so
// it is always written. Others' hooks are left alone. It may be repeated at any
// time, and goes on after a half-done try.
func SyncHook(ctx context.Context, hooks Hooks, repository string, want Hook) ([]HookChange, error) {
	if err := want.Check(); err != nil {
		return nil, err
	}
	ours, err := ownHooks(ctx, hooks, repository, want.URL)
	if err != nil {
		return nil, err
	}
	want.Active = true
	if len(ours) == 0 {
		made, err := hooks.CreateHook(ctx, repository, want)
		if err != nil {
			return nil, err
		}
		return confirm(ctx, hooks, repository, want, []HookChange{{Did: "created", ID: made.ID, URL: want.URL}})
	}
	want.ID = ours[0].ID
	if err := hooks.UpdateHook(ctx, repository, want); err != nil {
		return nil, err
	}
	changes := []HookChange{{Did: "kept", ID: want.ID, URL: want.URL, hook: ours[0]}}
	for _, surplus := range ours[1:] {
		if err := hooks.DeleteHook(ctx, repository, surplus.ID); err != nil {
			return nil, err
		}
		changes = append(changes, HookChange{Did: "removed", ID: surplus.ID, URL: surplus.URL, Why: "the project has another hook for this repository"})
	}
	return confirm(ctx, hooks, repository, want, changes)
}

// ownHooks returns the project's hooks of a repository, the one with the right
// address first.
func ownHooks(ctx context.Context, hooks Hooks, repository, address string) ([]Hook, error) {
	all, err := hooks.ListHooks(ctx, repository)
	if err != nil {
		return nil, err
	}
	ours := slices.DeleteFunc(all, func(h Hook) bool { return !SameHook(h.URL, address) })
	slices.SortStableFunc(ours, func(a, b Hook) int {
		switch {
		case a.URL == address && b.URL != address:
			return -1
		case a.URL != address && b.URL == address:
			return 1
		}
		return 0
	})
	return ours, nil
}

// confirm reads the hooks again: what a forge took isn't always what it was
// given. It also says what was wrong with a hook that was repaired.
func confirm(ctx context.Context, hooks Hooks, repository string, want Hook, changes []HookChange) ([]HookChange, error) {
	ours, err := ownHooks(ctx, hooks, repository, want.URL)
	if err != nil {
		return nil, err
	}
	if len(ours) != 1 || ours[0].URL != want.URL || !ours[0].Active {
		return nil, fault.New(fault.Conflict, "repository %s has %d hooks of the project, or its hook isn't active, after they were corrected; look at its settings", repository, len(ours))
	}
	if first := &changes[0]; first.Did == "kept" {
		if first.Why = repaired(first.hook, ours[0]); first.Why != "" {
			first.Did = "repaired"
		}
	}
	return changes, nil
}

// repaired says what differs between a hook and what it became.
func repaired(before, after Hook) string {
	var wrong []string
	if before.URL != after.URL {
		wrong = append(wrong, "its address was "+before.URL)
	}
	if !before.Active {
		wrong = append(wrong, "it was not active")
	}
	var missing []string
	for _, event := range after.Events {
		if !slices.Contains(before.Events, event) {
			missing = append(missing, event)
		}
	}
	if len(missing) > 0 {
		wrong = append(wrong, fmt.Sprintf("it lacked %s", strings.Join(missing, ", ")))
	}
	return strings.Join(wrong, "; ")
}
