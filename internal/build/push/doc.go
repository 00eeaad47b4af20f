// Package push takes the image that a build wrote into a file to a registry.
// It runs in a container that holds the registry's credential and nothing of
// the build but that file, which it doesn't trust.
//
// It must not know what was built, nor from what.
package push
