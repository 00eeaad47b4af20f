// Package bundle stores the rendered manifests of releases: compressed,
// content-addressed, in Secrets of the organization's namespace, which no
// stage can reach. A bundle is enough to bring a stage back without git, build
// or render.
//
// It must not know what the manifests say.
package bundle
