// Package report decides when a release is worth a report, and has sinks send
// it: one report after the other for each stage, each remembered in the release.
//
// It must not know how a release runs, what a sink does, nor any other
// reconciler.
package report
