// Package templates holds the files that are part of the program: service
// templates, and what `slipway init` writes.
//
// It must not know what the files mean.
package templates
