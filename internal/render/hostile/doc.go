// Package hostile is a corpus of repositories that want to read, stop or
// overload whoever renders them. It is for tests of rendering in child
// processes, and of the guard that looks at the result.
//
// It must not know how either refuses what.
package hostile
