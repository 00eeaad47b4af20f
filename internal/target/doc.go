// Package target is the place of one stage on its cluster: its namespace and
// the rights there, its Secrets, its hosts, its bundles, and the objects that
// are applied, watched and pruned as the stage's own service account.
//
// It must not know why something is released, or in which order releases come.
package target
