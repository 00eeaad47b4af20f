// Package stage turns the wanted head of a stage into releases, shows the
// newest one, and takes a deleted stage down.
//
// It must not know how a release runs, nor any other reconciler.
package stage
