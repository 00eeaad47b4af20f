// Package initialise holds the command init, which writes the files of a first
// deploy into a repository. What they are is decided by package detect. It must
// not know a cluster.
package initialise
