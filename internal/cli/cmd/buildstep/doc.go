// Package buildstep holds the hidden commands that run in the pods of a build:
// fetch the source, push the image. It must not know a cluster.
package buildstep
