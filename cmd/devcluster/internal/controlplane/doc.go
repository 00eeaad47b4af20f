// Package controlplane says how etcd, the API server and the controller manager
// of a cluster are started: pure specs, and one function that starts them in
// order and waits until they serve.
//
// It must not know about nodes and pods.
package controlplane
