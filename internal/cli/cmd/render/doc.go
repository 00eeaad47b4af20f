// Package render holds the commands that print a stage's manifests, write them as
// plain Kustomize, and serve as the confined child process that renders. It must
// not know a cluster.
package render
