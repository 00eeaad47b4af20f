// Package source declares what a source of services is: how the services of
// the project file that have it are expanded, which files of a commit they
// need, and what they become in Kustomize's hands. Each source is a package
// below this one; the package render holds the map of them.
//
// It must not know any member, nor what overlays do to a base.
package source
