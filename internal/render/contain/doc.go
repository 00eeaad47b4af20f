// Package contain completes pods to a stage's policy: what charts and
// kustomizations leave open is set, and what they say stays as it is, for guard
// to judge.
//
// It must not know where an object comes from.
package contain
