// Package exit has the exit codes of the program and the errors that commands end
// with to get them. It must not know any command.
package exit
