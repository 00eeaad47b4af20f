// Package fastpath holds what exists only to make a push fast: refs that are
// read while a delivery is made durable, work on a release before it is
// durable, the straight way from a sync to its release, statuses that wait for
// objects, and phases that are written only when they last. Nothing is correct
// because of it: every part can be switched off, and every crash may lose what
// it did.
//
// It must not know how a release is planned, rendered or applied, nor any
// reconciler.
package fastpath
