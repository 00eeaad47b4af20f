// Package report says what a release, a stage and a project file look like from
// outside: the state and the sentence of a commit status, a deployment, the text
// of a comment, the findings of a check. It is pure: no I/O, no clock, no logger.
//
// It must not know where a report goes, or whether it was sent before.
package report
