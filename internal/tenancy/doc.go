// Package tenancy keeps stages apart: each gets a namespace with a quota,
// limits, network policies and a service account of its own. Objects come
// from pure constructors; Reconcile applies them with the server's own
// identity. It must not know what runs in a stage.
package tenancy
