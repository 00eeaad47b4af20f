// Package runner runs one release, phase by phase: plan, build, render, guard,
// apply, verify. It also decides whether a release that a person asked for may
// begin.
//
// It owns the sequence of the phases and what a crash may leave behind; the
// packages below own how each phase is done. It must not know the Kubernetes
// API: a Journal makes the progress durable.
package runner
