// Package diff compares the objects on a cluster with manifests, field by
// field, for people who ask what an apply would change.
//
// It reads with the identity of the one who asks, and hides the values of
// Secrets. It writes nothing, and knows nothing of inventories stored on the
// control cluster and of releases.
package diff
