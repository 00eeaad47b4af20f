package servertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/slipway-dev/slipway/internal/controller"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fastpath"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/scm/forges"
	"github.com/slipway-dev/slipway/internal/webhook"
)

// syncInterval is long: tests that want a timer give the Project its own.
const syncInterval = time.Hour

// timerSyncs is more than any test asks for.
const timerSyncs = 1000

// Neighbours is the network of the forge and the registry.
const Neighbours = "127.0.0.0/8"

// Server is a running server. Stop ends it as a signal would.
type Server struct {
	Log *Log

	env    *Environment
	parts  *controller.Components
	cancel context.CancelFunc
	done   chan error
}

// Log is what a server logged.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns all of the log.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Server returns the server that runs, after starting one when none does.
func (e *Environment) Server(ctx context.Context) (*Server, error) {
	if e.server != nil {
		return e.server, nil
	}
	return e.Start(ctx)
}

// Restart starts a server without some parts of the fast path, in place of the
// one that runs.
func (e *Environment) Restart(ctx context.Context, off fastpath.Features) error {
	if e.server != nil {
		if err := e.server.Stop(); err != nil {
			return err
		}
	}
	e.fastPathOff = off
	_, err := e.Start(ctx)
	return err
}

// Start starts a server and waits until it takes deliveries. One runs at a time.
func (e *Environment) Start(ctx context.Context) (*Server, error) {
	s := &Server{env: e, Log: &Log{}, done: make(chan error, 1)}
	logger := slog.New(slog.NewJSONHandler(io.MultiWriter(s.Log, &e.canaries), &slog.HandlerOptions{Level: slog.LevelInfo}))
	ctrl.SetLogger(logr.FromSlogHandler(logger.Handler()))
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	again := true // a process that starts a second server uses its controllers' names again
	mgr, err := ctrl.NewManager(e.config, ctrl.Options{
		Scheme:     scheme,
		Logger:     logr.FromSlogHandler(logger.Handler()),
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Cache:      controller.CacheOptions(e.config, GateNamespace),
		Client:     controller.ClientOptions(),
		Controller: config.Controller{SkipNameValidation: &again},
	})
	if err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	options, err := e.options(logger)
	if err == nil {
		s.parts, err = controller.New(running, mgr, options)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	receiver, err := s.receiver(logger)
	if err != nil {
		cancel()
		s.parts.Close()
		return nil, err
	}
	go func() { s.done <- mgr.Start(running) }()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	e.receiver.Store(&receiver)
	e.server = s
	return s, nil
}

func (e *Environment) options(log *slog.Logger) (controller.Options, error) {
	dialer, err := dial.New(dial.Options{Allow: []string{Neighbours}}) // as a process has it with its flag
	return controller.Options{
		Config:           e.config,
		Namespace:        Namespace,
		GateNamespace:    GateNamespace,
		Data:             filepath.Join(e.dir, "data"),
		Image:            "slipway.example/slipway:test",
		Executor:         "slipway.example/kaniko:test",
		SourceURL:        "http://source.invalid",
		AllowHTTP:        true,
		Dialer:           dialer,
		ParallelReleases: 32,
		RenderWorkers:    2,
		SyncInterval:     syncInterval,
		TimerSyncs:       timerSyncs,
		Forges:           reporters(),
		ShowHeadsAfter:   500 * time.Millisecond,
		FastPathOff:      e.fastPathOff,
		Now:              time.Now,
		Log:              log,
	}, err
}

func reporters() map[string]forge.NewReporter {
	known := map[string]forge.NewReporter{}
	for name, forge := range forges.All() {
		known[name] = forge.Report
	}
	return known
}

func (s *Server) receiver(log *slog.Logger) (http.Handler, error) {
	return webhook.New(webhook.Options{
		Projects:   s.parts.Projects,
		Deliveries: s.parts.Deliveries,
		Drivers:    forges.Drivers(),
		Log:        log,
		Metrics:    prometheus.NewRegistry(),
		Ready:      s.parts.Ready,
	})
}

// ready waits until the server knows its objects.
func (s *Server) ready(ctx context.Context) error {
	for {
		err := s.parts.Ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case stopped := <-s.done:
			s.done <- stopped
			return errors.Join(err, stopped)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Stop ends the server, which takes no delivery from then on: releases that run are interrupted
// wherever they are.
func (s *Server) Stop() error {
	s.env.receiver.Store(nil)
	s.env.server = nil
	s.cancel()
	err := <-s.done
	s.parts.Close()
	return err
}
