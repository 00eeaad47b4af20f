// Package project syncs projects with their repositories: it reads heads, loads
// the project file from the trusted ref and makes the Stages that the two ask
// for.
//
// It must not know what a Stage does with its head, nor any other reconciler.
package project
