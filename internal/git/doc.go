// Package git keeps bare mirrors of remote repositories on disk and reads
// commits from them: which refs exist, what a commit says, and its tree as a
// read-only file system. Nothing is ever checked out, no git program is run,
// and everything read from a server or a repository is bounded by Limits.
//
// A mirror starts with the newest commit of every ref and grows by what each
// push added. It is a cache: a damaged or missing one is cloned again.
//
// The package knows nothing of forges, projects or stages.
package git
