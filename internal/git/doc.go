// Package git holds the plain values of git that other rooms use (a Remote and
// its Credentials, its Heads, a Commit) and reads a commit's tree as a
// read-only file system (Tree), from a local checkout or from a mirror.
// Nothing is ever checked out, no git program is run, and everything that is
// read is bounded by Limits.
//
// Package mirror keeps bare mirrors of remote repositories on disk; package
// wire is the client that talks to servers. Both import this package.
//
// The room must not know forges, projects, stages or Kubernetes.
package git
