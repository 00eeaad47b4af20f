// Package gate holds the command that runs the gate in front of previews. It reads flags.
// It must not know how requests are forwarded.
package gate
