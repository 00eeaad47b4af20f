package registry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/signal"
	"syscall"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
)

// NewCommand is `devcluster registry`: it serves until SIGTERM or SIGINT.
func NewCommand() *cobra.Command {
	var addresses []string
	var dir string
	command := &cobra.Command{
		Use:   "registry --listen ADDR [--listen ADDR] --data DIR",
		Short: "Serve an OCI registry that keeps its data across restarts",
		Long: "Serve an OCI registry over plain HTTP, without authentication, with deletes enabled.\n" +
			"Bind it to loopback or to the cluster's own bridge, never to an outer address.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			return run(ctx, cmd, addresses, dir)
		},
	}
	command.Flags().StringArrayVar(&addresses, "listen", nil, "address to serve on, HOST:PORT (repeatable)")
	command.Flags().StringVar(&dir, "data", "", "folder that holds the registry's data")
	for _, name := range []string{"listen", "data"} {
		if err := command.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is declared four lines above
		}
	}
	return command
}

// run opens the data, binds every address, says so, and serves.
func run(ctx context.Context, cmd *cobra.Command, addresses []string, dir string) error {
	// The library logs each request through logrus's only logger; its errors are enough.
	logrus.SetLevel(logrus.ErrorLevel)
	logrus.SetOutput(cmd.ErrOrStderr())
	registry, err := New(ctx, dir)
	if err != nil {
		return err
	}
	listeners, err := listen(ctx, addresses)
	if err != nil {
		return err
	}
	for _, listener := range listeners {
		fmt.Fprintf(cmd.OutOrStdout(), "registry: serving %s at http://%s\n", dir, listener.Addr())
	}
	return registry.Serve(ctx, listeners...)
}

// listen binds all addresses or none.
func listen(ctx context.Context, addresses []string) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, address := range addresses {
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			for _, open := range listeners {
				err = errors.Join(err, open.Close())
			}
			return nil, fmt.Errorf("bind registry to %s: %w; end the process that uses the address, or choose another with --listen", address, err)
		}
		listeners = append(listeners, listener)
	}
	return listeners, nil
}
