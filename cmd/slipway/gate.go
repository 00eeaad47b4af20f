package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	gatecommand "github.com/slipway-dev/slipway/internal/cli/cmd/gate"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/entrance"
	"github.com/slipway-dev/slipway/internal/gate"
)

// runGate runs the gate in front of previews.
func runGate(ctx context.Context, o gatecommand.Options, streams stream.Streams) error {
	log, err := newLogger(streams, o.LogLevel)
	if err != nil {
		return err
	}
	config, err := restConfig(o.Kubeconfig, o.Context)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("connect to the cluster %s: %w", config.Host, err)
	}
	entrances := gate.Entrances{Client: client, Namespace: o.Namespace}
	table := gate.NewTable()
	g, err := gate.New(gate.Options{
		Table: table, Dialer: dial.Unrestricted(), Agents: agents(o.Agents), Report: entrances.Report, Now: time.Now, Log: log,
	})
	if err != nil {
		return err
	}
	var ready atomic.Bool
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serveUntil(ctx, gateInternal(o.InternalAddress, &ready), 0) })
	group.Go(func() error {
		if err := entrances.Follow(ctx, table.Set, g.Forget, func(err error) { log.Error("read an entrance", "error", err) }); err != nil {
			return err
		}
		ready.Store(true)
		<-ctx.Done()
		ready.Store(false)
		return nil
	})
	group.Go(func() error { g.Run(ctx); return nil })
	for i := range int32(entrance.MaxBackends) {
		port := entrance.FirstPort + i
		server := gateServer(net.JoinHostPort(o.Address, strconv.Itoa(int(port))), g.Handler(port), log)
		group.Go(func() error { return serveUntil(ctx, server, leaveDelay) })
	}
	return group.Wait()
}

// agents are those that the gate knows and further ones.
func agents(further []string) []string {
	all := gate.Agents()
	for _, agent := range further {
		all = append(all, strings.ToLower(agent))
	}
	return all
}

// leaveDelay is how long the gate goes on after it was told to end: routers take a moment
// to send requests elsewhere.
const leaveDelay = 5 * time.Second

func gateServer(address string, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func gateInternal(address string, ready *atomic.Bool) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			http.Error(w, "the entrances are not read yet, or the gate ends", http.StatusServiceUnavailable)
		}
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.Registry, promhttp.HandlerOpts{}))
	return &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
}

// serveUntil serves until the context ends, and a while longer, then lets what runs finish.
func serveUntil(ctx context.Context, server *http.Server, longer time.Duration) error {
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		time.Sleep(longer)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("listen on %s: %w", server.Addr, err)
	}
	if err := <-stopped; !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil // what is still open ends with the process
}
