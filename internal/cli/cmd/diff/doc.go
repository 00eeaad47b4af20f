// Package diff holds the command that shows how a live stage differs from what
// was applied, or how stages and commits of a repository differ once rendered. It
// must not write anything.
package diff
