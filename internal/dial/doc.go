// Package dial makes the outgoing connections: to git servers, forges and
// registries. Everybody who may write a URL, a Dockerfile or an image reference
// chooses where the server connects to, so the address that is dialled is
// checked, after names were resolved and after redirects, and before a byte is
// sent. Answers over HTTP are bounded in bytes and time.
//
// It must not know what is spoken over a connection, nor who asked for it.
package dial
