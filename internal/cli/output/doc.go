// Package output prints what a command found: as a table for people, as JSON or
// YAML for programs, and the short words of both. It must not read anything, nor
// know any command.
package output
