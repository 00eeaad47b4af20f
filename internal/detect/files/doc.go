// Package files looks at a repository that nobody has checked: which files it
// has, and how they begin. It follows no links, leaves out what is generated or
// vendored, and stops at limits of number, depth and size, which it says.
//
// It must not know what the files mean.
package files
