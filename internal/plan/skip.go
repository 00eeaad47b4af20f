package plan

import "strings"

// Skipped reports whether a commit's message keeps it from being released
// automatically: with [skip slipway] or [slipway skip] anywhere in it, in
// any case.
func Skipped(message string) bool {
	message = strings.ToLower(message)
	return strings.Contains(message, "[skip slipway]") || strings.Contains(message, "[slipway skip]")
}
