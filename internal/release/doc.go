// Package release is the story of one release, phase by phase: plan, build,
// render, guard, apply, verify.
//
// It owns the order of things and what a crash may leave behind; how each
// thing is done is the business of the rooms below. It must not know the
// Kubernetes API: what is durable is written through a Journal.
package release
