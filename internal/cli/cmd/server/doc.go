// Package server holds the command that runs the server, with its flags. It must
// not know what the server consists of: a function that does is given.
package server
