// Package registry serves an OCI registry over plain HTTP that keeps its data
// across restarts: CNCF distribution with the file system driver, deletes on.
//
// It must not know what is stored in it, who seeds it, or that a cluster
// exists. It has no authentication: bind it to loopback or to a bridge that
// only the machine itself and its pods reach.
package registry
