// Package check finds what the table of rules can't express in a decoded
// project file: references, cycles, arithmetic, and what must be unique in the
// whole file.
//
// It must not know how files are read, nor how a stage's values are merged with
// defaults.
package check
