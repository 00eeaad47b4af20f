// Package kustomize is the source of services that are Kustomize directories
// of the repository.
//
// It must not know what such a directory may refer to: that is the package
// kustomization's.
package kustomize
