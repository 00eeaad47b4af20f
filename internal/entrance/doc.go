// Package entrance says what the gate and the server tell each other of a preview: where
// requests come in and lead to, whether it sleeps, and when somebody visited it. The
// server keeps that in a ConfigMap and the gate the visits in a Lease, both in the gate's
// namespace.
//
// It is pure. It must not know how either is read or written, nor how a request is
// forwarded.
package entrance
