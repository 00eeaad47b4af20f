// Package source finds in a repository what can be deployed as it is:
// Dockerfiles, Compose files, charts, Kustomize directories and manifests.
//
// It must not know of languages, and renders nothing.
package source
