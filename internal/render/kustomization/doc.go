// Package kustomization walks what a Kustomize directory refers to, before
// Kustomize itself may see it, and runs Kustomize over files in memory.
//
// The walk is an allow-list: it understands each field that may hold a
// reference, and refuses every other field. What it has understood it writes
// out again, so that Kustomize and the walk can't read one file differently.
//
// It must not know of services or of their sources.
package kustomization
