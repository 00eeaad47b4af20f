// Package organization makes the namespace of each Organization and checks its
// own templates.
//
// It must not know projects, nor any other reconciler.
package organization
