// Package plan decides: given everything that is known about a stage's head,
// it answers with what to build and reuse, or with the reason why nothing
// happens, in words for people.
//
// It is pure: no I/O, no clock, no logger. It must not know Kubernetes, git
// or a registry; the facts it needs are handed in.
package plan
