// Package file holds the commands about slipway.yaml: validate it, print its
// schema, explain where values come from and tell who may do what. It must not
// know a cluster, and renders nothing.
package file
