// Package buildtest is the conformance test of builders: whatever a driver
// builds with, it keeps the promises of build.Builder.
//
// It must not know any driver.
package buildtest
