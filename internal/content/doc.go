// Package content tells whether a new head changes what a stage runs. Where it does
// not, the stage has the head without a release, which the stage's status shows a
// while later.
//
// It must not know how heads are found, nor what is done about a head that changes
// something.
package content
