// Package cause says in one sentence why something does not run, from what
// Kubernetes says about it.
//
// It is pure: pods, events and the like come in, a cause comes out. It knows
// nothing of clients, releases and stages, and never looks into a Secret.
package cause
