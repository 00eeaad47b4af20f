// Package syntax turns the bytes of a project file into a tree of nodes with
// their places, within limits on size, tokens, depth and aliases, and collects
// what is wrong as Problems.
//
// It must not know which keys a project file has, nor the room project.
package syntax
