// Package progress tells a person what is being done, by name, and how long it
// took. On a terminal the running step's time counts up in place; elsewhere a
// long step says once a minute that it goes on.
//
// It must not know what the steps do.
package progress
