// Package comment is the sink of the forge's comments: one under each pull
// request, which is edited.
//
// It must not know any other sink, nor any forge.
package comment
