// Command devcluster makes a real one-node Kubernetes on a bare Debian machine
// from Go modules and Debian packages, for the demo and for tests.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/cli"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/netpol"
)

func main() {
	if filepath.Base(os.Args[0]) == netpol.PluginName {
		os.Exit(netpol.Plugin(os.Getenv, os.Stdin, os.Stdout)) // called by containerd for a pod
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := cli.NewRoot(os.Getenv).ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "devcluster:", err)
		os.Exit(1)
	}
}
