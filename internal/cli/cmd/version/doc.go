// Package version holds the command that prints what was compiled. It must not
// know anything else of the program.
package version
