// Package stream is what a command reads and writes: standard input, output and
// error output, and whether output is a terminal. It must not know what is
// printed.
package stream
