// Package seed makes the base images that clusters without an internet need,
// from Debian packages and from this machine's Go, and pushes them where a
// mirror of docker.io finds them. What a layer is made of decides its key in
// the cache; an unchanged layer is never made twice.
//
// It must not know the cluster: a cache folder and a registry's address are
// all that it is told.
package seed
