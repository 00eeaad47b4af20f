// Package report tells the forge how releases stand, one report after the other
// for each stage.
//
// It must not know how a release runs, nor any other reconciler.
package report
