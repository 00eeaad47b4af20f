package gate

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/stream"
)

// Options is what the gate is started with.
type Options struct {
	Address         string
	InternalAddress string
	Namespace       string
	Agents          []string
	LogLevel        string
	Kubeconfig      string
	Context         string
}

// Serve runs the gate until its context ends.
type Serve func(ctx context.Context, options Options, streams stream.Streams) error

// New returns the command gate.
func New(streams stream.Streams, serve Serve) *cobra.Command {
	var o Options
	command := &cobra.Command{
		Use:     "gate",
		Short:   "Run the gate in front of previews: it wakes those that are visited",
		GroupID: "serve",
		Args:    cobra.NoArgs,
		RunE:    func(command *cobra.Command, _ []string) error { return serve(command.Context(), o, streams) },
	}
	flags := command.Flags()
	flags.StringVar(&o.Address, "address", "", "address that requests come in at, on the ports 8100 to 8115; empty means all")
	flags.StringVar(&o.InternalAddress, "internal-address", ":8081", "where health and metrics are served; never publish it")
	flags.StringVar(&o.Namespace, "namespace", "slipway-gate", "the gate's own namespace, in which the server says what previews there are")
	flags.StringSliceVar(&o.Agents, "ignore-agent", nil, "part of a User-Agent whose requests are no visits, besides those of well-known monitors, link previews and crawlers; repeatable")
	flags.StringVar(&o.LogLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&o.Kubeconfig, "kubeconfig", "", "the cluster, when not run inside it")
	flags.StringVar(&o.Context, "context", "", "context of the kubeconfig")
	return command
}
