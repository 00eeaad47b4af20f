// Package mount finds and removes mounts below folders.
//
// It must not know who made them.
package mount
