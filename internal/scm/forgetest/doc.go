// Package forgetest is a small forge in one process, for tests and the demo:
// git over HTTP through git's own http-backend, GitHub-shaped webhooks for
// every ref that changes, and the GitHub REST calls that Slipway makes, with
// faults on request and a record of everything asked and sent.
//
// Repositories live on disk; everything else is in memory and ends with the
// Forge. It must not know Slipway, nor ever be part of the server.
package forgetest
