// Package source carries a build's context from Slipway into a build pod: a
// tar stream, opened by a token that is good for one tree of one commit and
// for the time of one build. So no git credential ever enters a build pod.
//
// It has two halves: Signer and Handler run in the server, Fetch runs in the
// pod. It must not know where a tree comes from.
package source
