// Package cluster shows on each Cluster whether it can be reached, and its
// version.
//
// It must not know what runs on it, nor any other reconciler.
package cluster
