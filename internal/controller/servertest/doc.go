// Package servertest runs Slipway's server inside a test: controllers, receiver
// and render workers against a real API server, a forge and a registry, all in
// the test's process.
//
// The server has the rights that the chart gives it, no more. The package
// knows nothing of what is tested.
package servertest
