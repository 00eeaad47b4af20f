// Package identity gives every project the identity that its sealed values are
// encrypted for.
//
// It must not know what is sealed, nor any other reconciler.
package identity
