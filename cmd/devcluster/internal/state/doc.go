// Package state is what a cluster remembers about itself in its folder:
// addresses chosen once and kept, and what must be undone when it goes.
//
// It must not know how any of it is made.
package state
