// Package worker renders in confined child processes, because what a
// repository asks for may never end, may take all memory, and may end a Go
// process in ways that no recover can catch.
//
// A child is this program, started again. It has no environment, and confines
// itself before it reads a request (package confine): it can open no file and
// no socket, start no program and signal nobody. A repository's files come
// over the pipes that it was born with, one by one, on request. The parent
// watches time, CPU, memory and output, kills a child that exceeds a limit,
// and starts another. Where a child can't be confined there is no pool, and an
// error says so.
//
// It must not know what a render is: that is the package render's.
package worker
