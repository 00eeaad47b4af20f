// Package confine takes from the process that calls it, for good, everything
// that rendering does not need: files, sockets, programs, other processes. A
// system call filter allows only what a Go program needs to compute and to
// use what is open already; resource limits stand behind the tighter ones that
// the parent watches.
//
// It must not know what the process does afterwards.
package confine
