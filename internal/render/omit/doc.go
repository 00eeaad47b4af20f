// Package omit finds the objects, and the fields of objects, that a stage does
// without: those of kinds that Slipway makes itself, and what has no effect.
//
// It must not know which sources brought them.
package omit
