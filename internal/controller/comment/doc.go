// Package comment decides when how things stand with a pull request is worth a
// report, and when a project file's mistakes are, and has sinks send it.
//
// It must not know how releases run, what a sink does, nor any other reconciler.
package comment
