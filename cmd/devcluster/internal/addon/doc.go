// Package addon makes the Kubernetes objects that turn an empty cluster into a
// usable one: DNS, an ingress controller and the rights of the network policy
// agent. Constructors are pure; Apply sends what they return.
//
// It must not know how the cluster's own programs run.
package addon
