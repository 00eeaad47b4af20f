// Package worker renders in confined child processes, because what a
// repository asks for may never end, may take all memory, and may end a Go
// process in ways that no recover can catch.
//
// A child is this program, started again. It has no environment; it can open
// no file and no socket, start no program and signal nobody: a system call
// filter that it puts on itself, before it reads a request, allows only what
// a Go program needs to compute and to talk over the pipes that it was born
// with. A repository's files come over those pipes, one by one, on request.
// The parent watches time, CPU, memory and output, kills a child that exceeds
// a limit, and starts another. Where the kernel refuses the filter there is
// no pool, and an error says so.
//
// The room knows how to run a render; what one is, the package render knows.
package worker
