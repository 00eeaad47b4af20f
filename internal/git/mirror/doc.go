// Package mirror keeps bare mirrors of remote repositories on disk and reads
// commits and trees from them.
//
// A mirror starts with the newest commit of every ref and grows by what each
// push added. It is a cache: a damaged or missing one is cloned again, and the
// least recently used ones are deleted when the disk's limit is reached.
//
// It must not know how a server is talked to (package wire does), nor anything
// of forges, projects or stages.
package mirror
