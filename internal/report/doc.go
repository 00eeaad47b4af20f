// Package report says what a release, a commit that changes nothing, a project file
// and a pull request look like from outside, as plain values: a step with its
// sentence, findings at their lines, Markdown. It is pure: no I/O, no clock, no
// logger.
//
// It must not know where a report goes, what it looks like there, or whether it
// was sent before.
package report
