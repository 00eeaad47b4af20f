package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/net/http/httpproxy"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build/source"
	"github.com/slipway-dev/slipway/internal/cli/cmd/server"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/controller"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/leader"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/scm/forges"
	"github.com/slipway-dev/slipway/internal/webhook"
)

// serve runs the server: the receiver of webhooks, the sources for builds, and
// the controllers on the replica that leads.
func serve(ctx context.Context, o server.Options, streams stream.Streams) error {
	log, err := newLogger(streams, o.LogLevel)
	if err != nil {
		return err
	}
	if o.MemoryLimit > 0 {
		debug.SetMemoryLimit(o.MemoryLimit / 10 * 9)
	}
	config, err := restConfig(o.Kubeconfig, o.Context)
	if err != nil {
		return err
	}
	replica, err := newReplica(config, o)
	if err != nil {
		return err
	}
	mgr, err := newManager(replica, o, log)
	if err != nil {
		return err
	}
	dialer, err := newDialer(o)
	if err != nil {
		return err
	}
	parts, err := controller.New(ctx, mgr, controllerOptions(replica, o, dialer, log))
	if err != nil {
		return err
	}
	defer parts.Close()
	proxies, err := networks(o.TrustedProxies)
	if err != nil {
		return err
	}
	public, err := door(parts, proxies, log)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return mgr.Start(ctx) })
	group.Go(func() error { return listen(ctx, webhook.NewServer(o.PublicAddress, public, log), proxies) })
	group.Go(func() error { return listen(ctx, internalServer(o.InternalAddress, parts.Source), nil) })
	return group.Wait()
}

// newLogger writes JSON lines, and gives the Kubernetes libraries the same. What
// a log quotes from outside can't control the terminal that it is read on.
func newLogger(streams stream.Streams, level string) (*slog.Logger, error) {
	var parsed slog.Level
	if err := parsed.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %s: use debug, info, warn or error", level)
	}
	handler := slog.NewJSONHandler(streams.Err, &slog.HandlerOptions{Level: parsed, ReplaceAttr: printableAttr})
	ctrl.SetLogger(logr.FromSlogHandler(handler))
	return slog.New(handler), nil
}

func printableAttr(_ []string, a slog.Attr) slog.Attr {
	if err, isError := a.Value.Any().(error); isError {
		return slog.String(a.Key, printable.Lines(err.Error()))
	}
	if a.Value.Kind() == slog.KindString {
		return slog.String(a.Key, printable.Lines(a.Value.String()))
	}
	return a
}

// restConfig returns how to reach the control cluster. The client does not
// limit itself: the API server's priority and fairness does that better.
func restConfig(kubeconfig, contextName string) (*rest.Config, error) {
	var config *rest.Config
	var err error
	if kubeconfig == "" && contextName == "" && os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		config, err = rest.InClusterConfig()
	} else {
		rules := clientcmd.NewDefaultClientConfigLoadingRules()
		rules.ExplicitPath = kubeconfig
		config, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: contextName}).ClientConfig()
	}
	if err != nil {
		return nil, fmt.Errorf("find the control cluster: %w; run inside it or give --kubeconfig", err)
	}
	config.QPS = -1
	config.UserAgent = "slipway/" + version
	return config, nil
}

// replica is how one of several servers reaches the control cluster.
type replica struct {
	lock    resourcelock.Interface // nil when there is no election
	leading *rest.Config           // for what only the leader writes
	any     client.Client          // for what every replica does
	scheme  *runtime.Scheme
}

func newReplica(config *rest.Config, o server.Options) (replica, error) {
	r := replica{leading: config, scheme: runtime.NewScheme()}
	if err := errors.Join(clientgoscheme.AddToScheme(r.scheme), v1alpha1.AddToScheme(r.scheme)); err != nil {
		return replica{}, fmt.Errorf("register types: %w", err)
	}
	var err error
	if r.any, err = client.New(config, client.Options{Scheme: r.scheme}); err != nil {
		return replica{}, fmt.Errorf("connect to the control cluster %s: %w", config.Host, err)
	}
	if !o.LeaderElect {
		return r, nil
	}
	lock, err := leader.NewLock(config, o.Namespace, "slipway")
	if err != nil {
		return replica{}, err
	}
	r.lock, r.leading = lock, rest.CopyConfig(config)
	r.leading.Wrap(lock.Fence)
	return r, nil
}

func newManager(r replica, o server.Options, log *slog.Logger) (ctrl.Manager, error) {
	grace, lease, renew, retry := 20*time.Second, leader.LeaseDuration, leader.RenewDeadline, leader.RetryPeriod
	mgr, err := ctrl.NewManager(r.leading, ctrl.Options{
		Scheme:                        r.scheme,
		Logger:                        logr.FromSlogHandler(log.Handler()),
		Metrics:                       metricsserver.Options{BindAddress: "0"},
		Cache:                         controller.CacheOptions(r.leading, o.GateNamespace),
		Client:                        controller.ClientOptions(),
		LeaderElection:                o.LeaderElect,
		LeaderElectionReleaseOnCancel: true,
		GracefulShutdownTimeout:       &grace,

		LeaderElectionResourceLockInterface: r.lock, LeaseDuration: &lease, RenewDeadline: &renew, RetryPeriod: &retry,
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the control cluster %s: %w", r.leading.Host, err)
	}
	return mgr, nil
}

func controllerOptions(r replica, o server.Options, dialer *dial.Dialer, log *slog.Logger) controller.Options {
	return controller.Options{
		Config:           r.leading,
		AnyReplica:       r.any,
		Namespace:        o.Namespace,
		Data:             o.Data,
		Image:            o.Image,
		Executor:         o.BuilderImage,
		SourceURL:        o.SourceURL,
		AllowHTTP:        o.AllowHTTPGit,
		OwnHosts:         o.OwnHosts,
		GateNamespace:    o.GateNamespace,
		Dialer:           dialer,
		ParallelReleases: o.ParallelReleases,
		RenderWorkers:    o.RenderWorkers,
		SyncInterval:     o.SyncInterval,
		TimerSyncs:       o.TimerSyncs,
		Version:          version + " " + commit(),
		Forges:           reporters(),
		Now:              time.Now,
		Log:              log,
	}
}

// newDialer returns what connects to git servers, forges and registries.
// Requests go through the proxies that the environment names, as usual.
func newDialer(o server.Options) (*dial.Dialer, error) {
	around, err := dial.Look(os.Getenv("KUBERNETES_SERVICE_HOST"))
	if err != nil {
		return nil, err
	}
	dialer, err := dial.New(dial.Options{
		Allow: o.OutgoingAllow, ClusterNetworks: o.ClusterNetworks, PublicOnly: o.PublicOnly,
		Around: around, Proxy: httpproxy.FromEnvironment(),
	})
	if err != nil {
		return nil, fmt.Errorf("--outgoing-allow, --cluster-network: %w", err)
	}
	return dialer, nil
}

// reporters returns how each kind of forge is spoken with.
func reporters() map[string]forge.NewReporter {
	known := map[string]forge.NewReporter{}
	for name, forge := range forges.All() {
		known[name] = forge.Report
	}
	return known
}

// door returns the handler of everything that forges and probes may reach.
func door(parts *controller.Components, proxies []*net.IPNet, log *slog.Logger) (http.Handler, error) {
	return webhook.New(webhook.Options{
		Projects:   parts.Projects,
		Deliveries: parts.Deliveries,
		Drivers:    forges.Drivers(),
		Log:        log,
		Metrics:    metrics.Registry,
		Ready:      parts.Ready,
		Proxies:    proxies,
	})
}

func networks(cidrs []string) ([]*net.IPNet, error) {
	var parsed []*net.IPNet
	for _, cidr := range cidrs {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy %s: not a network like 10.0.0.0/8", cidr)
		}
		parsed = append(parsed, network)
	}
	return parsed, nil
}

// internalServer serves what stays inside the cluster: sources for builds,
// which their tokens protect, and metrics.
func internalServer(address string, sources *source.Handler) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET "+controller.SourcePath, sources)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.Registry, promhttp.HandlerOpts{}))
	return &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
}

// listen serves a bounded number of connections until the context ends, then lets
// what runs finish.
func listen(ctx context.Context, server *http.Server, proxies []*net.IPNet) error {
	listener, err := net.Listen("tcp", server.Addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", server.Addr, err)
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	if err := server.Serve(webhook.NewListener(listener, proxies)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("listen on %s: %w", server.Addr, err)
	}
	return <-stopped
}
