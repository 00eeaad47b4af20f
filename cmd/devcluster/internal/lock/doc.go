// Package lock lets one program at a time work on a folder. The kernel gives a
// lock back when its holder ends, however it ends.
//
// It must not know what is locked.
package lock
