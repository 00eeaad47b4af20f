// Package cluster connects to the clusters that projects are placed on: their
// API with the credentials that a Cluster names, the live view of their
// objects, their registry and their builder. A connection and all that hangs on
// it end when the Cluster or its credentials are replaced.
//
// It must not know stages, releases or what is applied.
package cluster
