// Package tree reads a commit's files for rendering, within limits: it refuses
// whatever is not a plain file below the repository's root, counts what it
// reads and remembers it, so that a render later needs nothing but those
// files.
//
// It must not know of Kustomize, Helm or Compose: they ask for what they refer
// to, with the place of the reference.
package tree
