// Package cli is the command line: the root command, its manual, the list of the
// commands below cmd, and the exit code. Commands parse flags and print; what they
// do is in the rooms below, and what they ask of a stage goes through operate. A
// command acts with the user's own Kubernetes identity and the server decides: the
// command line must not know a rule or have a right of its own.
//
// Exit codes: 0 fine, 1 error, 2 wrong usage, 3 findings (a check found
// something) or refused, 4 a release that did not go live, 5 a release that is
// held.
package cli
