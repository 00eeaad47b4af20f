// Package release runs the newest unfinished release of each stage, answers
// those that people ask for, and ends those that a newer one overtook.
//
// It must not know how a release is planned, built, rendered or applied, nor
// any other reconciler.
package release
