// Package drift brings objects that others changed or deleted back to what was
// last applied, and reports who did it.
//
// It must not know why something was released, nor any other reconciler.
package drift
