// Package helm renders charts that are in the repository, from memory, without
// a cluster, a network or a clock: the same chart and values give the same
// objects. Functions of Helm whose result would differ each time are refused
// when a template calls them.
//
// What happens to hooks:
//
//	pre-install, pre-upgrade   Jobs become release Jobs, which Slipway runs before
//	                           the workloads; other kinds become ordinary objects
//	post-install, post-upgrade ordinary objects, unless they are Jobs or Pods, which
//	                           are refused: nothing would say when to run them
//	test, *-delete, *-rollback left out, with a warning
//
// Dependencies must be in the chart's charts directory. Files in crds are left
// out with a warning: a cluster's administrator installs definitions.
//
// It must not know what Kustomize does to the objects.
package helm
