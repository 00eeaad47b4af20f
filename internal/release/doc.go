// Package release holds the nouns of a release and the decisions about it: what
// a stage does next, its history and last good release, what is quarantined,
// where it is placed and what its manifests are held to.
//
// Everything here is a pure function of its arguments. It must not know how a
// release is run (that is package runner), and it reads no clock and writes
// nothing.
package release
