// Package tenancy keeps stages apart: each gets a namespace with a quota,
// limits, network policies, a service account of its own, and the Secret that
// images are pulled with. Objects come from pure constructors; the
// NamespaceApplier applies them. It must not know what runs in a stage.
package tenancy
