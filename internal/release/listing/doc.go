// Package listing reads lists of releases as they come from an API server, without
// holding more than one whole release at a time.
//
// It must not know how a list is asked for.
package listing
