// Package scope says which files of its context a build may read: the sources of
// COPY, ADD and bind mounts in its Dockerfile, without what the ignore file leaves out.
// They are what the input hash covers, and all that a builder is given, so that
// equal hashes mean equal files by construction. Where a Dockerfile doesn't say it
// for certain, the scope is the whole context.
//
// It must not know where a tree comes from, nor who builds.
package scope
