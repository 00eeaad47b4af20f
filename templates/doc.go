// Package templates holds the files that are part of the program: service
// templates, what `slipway init` writes, and the pages of the gate.
//
// It must not know what the files mean.
package templates
