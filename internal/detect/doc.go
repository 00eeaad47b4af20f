// Package detect looks at a repository and makes a project file, and what is
// missing beside it, of what it finds there, or of what another platform's file
// says. Everything that it finds and doesn't take has a reason.
//
// It reads within limits, runs nothing, and writes nothing. It must not know a
// cluster, git or the command line: who calls it says what is refused.
package detect
