// Package deployment is the sink of the forge's record of deployments: one per
// release, where the forge keeps such a thing.
//
// It must not know any other sink, nor any forge.
package deployment
