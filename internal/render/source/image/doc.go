// Package image is the source of services that are one container image: one
// that a registry has, or one that Slipway built and that is an image by
// digest ever since.
//
// It must not know how images are built or resolved.
package image
