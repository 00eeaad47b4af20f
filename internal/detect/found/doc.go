// Package found holds what is found in a repository: deployable parts, as
// services of a project file with what must be written for them, and what was
// left out, with the reason.
//
// It must not know how something is found.
package found
