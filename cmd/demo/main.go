// Demo shows Slipway on this machine: it brings up a Kubernetes, installs
// Slipway, pushes a repository and shows the page going live.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/e2e/stand"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{Use: "demo", Short: "Show Slipway on this machine", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(
		&cobra.Command{Use: "up", Short: "Bring everything up and push", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return up(c.Context()) }},
		&cobra.Command{Use: "down", Short: "End everything", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return down(c.Context()) }},
		&cobra.Command{Use: "dogfood", Short: "Let Slipway build and upgrade itself", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error { return dogfood(c.Context()) }},
		newForge(),
	)
	return root
}

// options puts the stand below the checkout, so that removing the checkout
// removes all there is.
func options() (stand.Options, error) {
	root, err := checkout()
	if err != nil {
		return stand.Options{}, err
	}
	cache := os.Getenv("DEVCLUSTER_CACHE")
	if cache == "" {
		cache = filepath.Join(root, ".cache", "devcluster", "cache")
	}
	dir := os.Getenv("DEVCLUSTER_DIR")
	if dir == "" {
		dir = filepath.Join(root, ".cache", "devcluster", "run")
	}
	return stand.Options{Root: root, Dir: dir, Cache: cache, Progress: os.Stdout}, nil
}

// checkout finds the repository's root from the working folder upwards.
func checkout() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working folder: %w", err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "charts", "slipway", "Chart.yaml")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("run this inside Slipway's checkout")
}
