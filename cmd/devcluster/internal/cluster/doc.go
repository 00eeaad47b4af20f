// Package cluster is the story of a cluster: up, down and status, step by step.
//
// It must not know how the single parts work; the other packages do.
package cluster
