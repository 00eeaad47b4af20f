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
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/scm/forges"
	"github.com/slipway-dev/slipway/internal/webhook"
)

// syncInterval is long: tests that want a timer give the Project its own.
const syncInterval = time.Hour

// Server is a running server. Stop ends it as a signal would.
type Server struct {
	Log *Log

	world  *World
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
func (w *World) Server(ctx context.Context) (*Server, error) {
	if w.server != nil {
		return w.server, nil
	}
	return w.Start(ctx)
}

// Start starts a server and waits until its door is open. One runs at a time.
func (w *World) Start(ctx context.Context) (*Server, error) {
	s := &Server{world: w, Log: &Log{}, done: make(chan error, 1)}
	logger := slog.New(slog.NewJSONHandler(io.MultiWriter(s.Log, &w.canaries), &slog.HandlerOptions{Level: slog.LevelInfo}))
	ctrl.SetLogger(logr.FromSlogHandler(logger.Handler()))
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	again := true // a process that starts a second server uses its controllers' names again
	mgr, err := ctrl.NewManager(w.config, ctrl.Options{
		Scheme:     scheme,
		Logger:     logr.FromSlogHandler(logger.Handler()),
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Cache:      controller.CacheOptions(),
		Client:     controller.ClientOptions(),
		Controller: config.Controller{SkipNameValidation: &again},
	})
	if err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	if s.parts, err = controller.New(running, mgr, w.options(logger)); err != nil {
		cancel()
		return nil, err
	}
	door, err := s.door(logger)
	if err != nil {
		cancel()
		s.parts.Close()
		return nil, err
	}
	go func() { s.done <- mgr.Start(running) }()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	w.door.Store(&door)
	w.server = s
	return s, nil
}

func (w *World) options(log *slog.Logger) controller.Options {
	return controller.Options{
		Config:           w.config,
		Namespace:        Namespace,
		Data:             filepath.Join(w.dir, "data"),
		Image:            "slipway.example/slipway:test",
		Executor:         "slipway.example/kaniko:test",
		SourceURL:        "http://source.invalid",
		AllowHTTP:        true,
		ParallelReleases: 32,
		RenderWorkers:    2,
		SyncInterval:     syncInterval,
		Forges:           reporters(),
		Now:              time.Now,
		Log:              log,
	}
}

func reporters() map[string]forge.NewReporter {
	known := map[string]forge.NewReporter{}
	for name, forge := range forges.All() {
		known[name] = forge.Report
	}
	return known
}

func (s *Server) door(log *slog.Logger) (http.Handler, error) {
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

// Stop closes the door and ends the server: releases that run are interrupted
// wherever they are.
func (s *Server) Stop() error {
	s.world.door.Store(nil)
	s.world.server = nil
	s.cancel()
	err := <-s.done
	s.parts.Close()
	return err
}
