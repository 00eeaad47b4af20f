// Package comment keeps one comment under each open pull request, and shows
// mistakes in slipway.yaml at their lines.
//
// It must not know how releases run, nor any other reconciler.
package comment
