// Package queue decides which release runs when: one at a time for each stage,
// the newest first, at most so many at once; and it lets work that can wait go
// after work that can't.
//
// It must not know what a release does.
package queue
