// Slipway is a git-push deployer for Kubernetes: its server, its command line
// and its render worker.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // images have no time zones, and stages may sleep by the clock

	"github.com/slipway-dev/slipway/internal/cli"
	"github.com/slipway-dev/slipway/internal/cli/stream"
)

// version is set when a release is compiled.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	build := cli.Build{Version: version, Commit: commit(), Go: runtime.Version()}
	os.Exit(cli.Run(ctx, os.Args[1:], stream.Standard(os.Getenv("NO_COLOR") != ""), build, cli.Roles{Server: serve, Gate: runGate}))
}

// commit returns the commit that was compiled, empty when Go did not note it.
func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return setting.Value
			}
		}
	}
	return ""
}
