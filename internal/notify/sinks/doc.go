// Package sinks lists the sinks that reports go to. A new one is a folder beside
// this one, its import and its line in All.
//
// It must not know how any of them works; nothing but this package knows them
// by name.
package sinks
