// Package cli is the command line: cobra commands, their flags, and how what
// they found is printed. Each command does one thing with what its flags say
// and prints it; the doing is in the rooms below.
//
// What people ask of a stage they ask as themselves: a command writes a Release,
// a verdict or a wish of the Stage with the user's own Kubernetes identity, and
// the server decides. The command line decides nothing and has no right of its
// own.
//
// Exit codes: 0 fine, 1 error, 2 wrong usage, 3 findings (a check found
// something) or refused, 4 a release that did not go live, 5 a release that is
// held.
package cli
