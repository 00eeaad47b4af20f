// Package helm renders charts that are in the repository, from memory, without
// a network or a clock: the same chart, values, capabilities and seed give the
// same objects.
//
// Random functions give values that are derived from the seed and from the field
// that they end up in. Functions that differ with the time may be called, but
// what they give must reach no object.
//
// What happens to hooks:
//
//	pre-install, pre-upgrade   Jobs become release Jobs, which Slipway runs before
//	                           the workloads; other kinds become ordinary objects
//	post-install, post-upgrade Jobs run beside the workloads, once for each version
//	                           of them; other kinds become ordinary objects
//	Pods of these              refused: nothing runs them once
//	test, *-delete, *-rollback left out, with a warning
//
// Dependencies must be in the chart's charts directory. Files in crds are left
// out with a warning: a cluster's administrator installs definitions.
//
// It must not know what Kustomize does to the objects.
package helm
