// Package releasetest makes the past of a stage for tests of its releases. It
// must not know how a release is run.
package releasetest
