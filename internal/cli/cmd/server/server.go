package server

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/stream"
)

// Options is what the server is started with.
type Options struct {
	PublicAddress    string
	InternalAddress  string
	Data             string
	Namespace        string
	Image            string
	BuilderImage     string
	SourceURL        string
	TrustedProxies   []string
	AllowHTTPGit     bool
	OwnHosts         []string
	GateNamespace    string
	OutgoingAllow    []string
	ClusterNetworks  []string
	PublicOnly       bool
	LeaderElect      bool
	ParallelReleases int
	RenderWorkers    int
	SyncInterval     time.Duration
	TimerSyncs       float64 // a second
	MemoryLimit      int64   // bytes
	LogLevel         string
	Kubeconfig       string
	Context          string
}

// Serve runs the server until its context ends.
type Serve func(ctx context.Context, options Options, streams stream.Streams) error

// New returns the command server.
func New(streams stream.Streams, serve Serve) *cobra.Command {
	var o Options
	command := &cobra.Command{
		Use:     "server",
		Short:   "Run the server: webhooks, syncs, builds and releases",
		GroupID: "serve",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if o.TimerSyncs <= 0 {
				return exit.WrongUsage(fmt.Errorf("--timer-syncs %v: give a number above 0", o.TimerSyncs))
			}
			return serve(command.Context(), o, streams)
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.PublicAddress, "public-address", ":8080", "where webhooks and health are served")
	flags.StringVar(&o.InternalAddress, "internal-address", ":8081", "where build sources and metrics are served; never publish it")
	flags.StringVar(&o.Data, "data", "/var/lib/slipway", "directory of the git mirrors, a cache")
	flags.StringVar(&o.Namespace, "namespace", "slipway-system", "the server's own namespace")
	flags.StringVar(&o.Image, "image", "", "the server's own image, for the steps of builds")
	flags.StringVar(&o.BuilderImage, "builder-image", "", "the kaniko image")
	flags.StringVar(&o.SourceURL, "source-url", "", "the internal address as build pods reach it")
	flags.StringSliceVar(&o.TrustedProxies, "trusted-proxy", nil, "network (CIDR) of proxies whose X-Forwarded-For header is trusted; repeatable")
	flags.StringSliceVar(&o.OwnHosts, "own-host", nil, "host that Slipway itself is reached at, which no stage may use; *.HOST stands for all below it; repeatable")
	flags.StringVar(&o.GateNamespace, "gate-namespace", "", "namespace of the gate that stands in front of previews; empty means that there is none")
	flags.BoolVar(&o.AllowHTTPGit, "allow-http-git", false, "allow plain http for git and forge APIs; for tests")
	flags.StringSliceVar(&o.OutgoingAllow, "outgoing-allow", nil, "network (CIDR), address or HOST:PORT that git, forges and registries may be reached at though it would be refused, such as a service of the cluster; repeatable")
	flags.StringSliceVar(&o.ClusterNetworks, "cluster-network", nil, "network (CIDR) of the cluster's pods, Services or nodes, which outgoing connections are refused to; repeatable")
	flags.BoolVar(&o.PublicOnly, "refuse-private-networks", false, "refuse outgoing connections to all private networks")
	flags.BoolVar(&o.LeaderElect, "leader-elect", true, "let one replica at a time sync and release")
	flags.IntVar(&o.ParallelReleases, "parallel-releases", 32, "how many releases run at the same time")
	flags.IntVar(&o.RenderWorkers, "render-workers", 2, "how many processes render")
	flags.DurationVar(&o.SyncInterval, "sync-interval", 5*time.Minute, "how often refs are read without a delivery")
	flags.Float64Var(&o.TimerSyncs, "timer-syncs", 4, "how many projects a second are read for no other reason than their interval, and after a start")
	flags.Int64Var(&o.MemoryLimit, "memory-limit", 0, "the memory there is, in bytes: garbage is collected so that the server's own process keeps below nine tenths of it; 0 is no limit")
	flags.StringVar(&o.LogLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&o.Kubeconfig, "kubeconfig", "", "the control cluster, when not run inside it")
	flags.StringVar(&o.Context, "context", "", "context of the kubeconfig")
	return command
}
