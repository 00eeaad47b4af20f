// Package build is the builder family: it identifies an image by everything
// that goes into it, finds out whether that image exists already, and declares
// what a builder does. Drivers live in folders of their own; build/source
// brings a build its source, build/push takes its image to the registry.
//
// It must not know of stages, releases or git: trees and blobs are opaque
// identifiers to it.
package build
