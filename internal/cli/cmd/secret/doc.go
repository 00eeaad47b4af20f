// Package secret holds the commands that encrypt a value for slipway.yaml and
// print the recipient that values are encrypted for. It must not know how a value
// is decrypted.
package secret
