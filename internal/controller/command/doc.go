// Package command carries out what comments under pull requests ask for, once the sync
// of their project knows whose they are, and answers them.
//
// It must not know forges. What a comment asks of the sync itself, the sync decides.
package command
