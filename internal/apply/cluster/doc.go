// Package cluster is the connection to one API server: it reads, patches and
// deletes objects with one identity, discovers where a kind is served, limits
// how many requests are under way, and keeps a live view of the metadata of
// the objects that Slipway made.
//
// Only metadata comes back from the server, so that no Secret is read. The one
// exception is Client.Whole, for people who compare with their own rights.
//
// It does not decide what to write, and knows nothing of manifests, releases
// and readiness.
package cluster
