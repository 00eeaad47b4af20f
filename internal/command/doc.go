// Package command reads what a comment under a pull request asks of Slipway, and
// decides whether its author may ask for it.
//
// It is pure. It must not know forges, deliveries, or how a command is carried out.
package command
