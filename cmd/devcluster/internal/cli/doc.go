// Package cli is the command line: flags and output, nothing else.
//
// It must not know how a cluster works; package cluster does.
package cli
