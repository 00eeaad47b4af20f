// Package key decides what happens to each key that a Compose file can have:
// it is mapped, holds anyway, is left out with a warning, or is an error. The
// table has a reason for each, and docs/compose.md is written from it. A key
// that it lacks is an error, and a test holds it to the types of the library,
// so that a new key of theirs is decided before it is accepted.
//
// It must not know how keys are mapped.
package key
