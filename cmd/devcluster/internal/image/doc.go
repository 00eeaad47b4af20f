// Package image is `devcluster image`: it makes OCI images without a container
// engine, from files, from Debian packages and from the checkout's own programs.
//
// It must not know the cluster; a registry's address is all that it is told.
package image
