// Package fault gives errors a code that decides retry, blame and HTTP status,
// and a message fit for users.
//
// It must not know what failed.
package fault
