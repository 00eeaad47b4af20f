// Package trouble makes an HTTP server misbehave on request: it delays, resets
// or refuses the requests that match a pattern.
//
// It must not know what the server answers when all is well.
package trouble
