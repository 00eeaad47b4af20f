// Package notify declares what a sink of reports is: a kind of place where people
// look, such as the commit statuses, deployments and comments of a forge. Each
// sink is a package below this one; the package sinks holds the list of them.
//
// It must not know any member, when something is worth a report, or what the
// report says.
package notify
