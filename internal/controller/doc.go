// Package controller lists the reconcilers, which each have a package below it,
// and makes what they share. Reconcilers read what is wanted from the watch
// cache of the API server and do the work of one noun; they never import each
// other.
//
// It must not know how anything is built, rendered or applied.
package controller
