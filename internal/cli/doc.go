// Package cli is the command line: cobra commands, their flags, and how what
// they found is printed. Each command does one thing with what its flags say
// and prints it; the doing is in the rooms below.
//
// Exit codes: 0 fine, 1 error, 2 wrong usage, 3 findings (a check found
// something).
package cli
