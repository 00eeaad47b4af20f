// Package printable makes text from outside fit for people: in a terminal, a
// status, a comment, a log line. Nothing in it can move a cursor, hide behind
// a mark for writing direction, or pass for a line of ours.
//
// It is pure, and must not know where the text comes from or goes to.
package printable
