// Package forges lists the forges that Slipway works with. A new one is a folder
// beside this one, its import and its line in All.
//
// It must not know how any of them works; nothing but this package knows them
// by name.
package forges
