// Command kaniko is the pinned kaniko executor: it builds an image from a
// Dockerfile inside a container, without a daemon and without privileges.
// README.md says which version is pinned and why.
//
// Nothing of Slipway is in here: the module exists because kaniko's
// dependencies don't fit into Slipway's own module.
package main

import (
	"os"

	"github.com/osscontainertools/kaniko/cmd/executor/cmd"
)

func main() {
	if err := cmd.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}
