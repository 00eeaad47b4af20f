package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"golang.org/x/sync/errgroup"
)

const (
	// headerTimeout bounds a client that connects and says nothing. Bodies
	// have no limit in time: a layer of gigabytes is a legal upload.
	headerTimeout = 10 * time.Second
	// idleTimeout ends kept-alive connections that nobody uses.
	idleTimeout = 2 * time.Minute
	// drainTimeout is how long running requests may finish after a stop.
	drainTimeout = 10 * time.Second
	// threads bounds concurrent file operations; the driver's default is 100.
	threads = 64
)

// Registry is an OCI distribution endpoint over one data folder. Safe for
// concurrent use. Only one process may serve a data folder at a time.
type Registry struct {
	app *handlers.App
}

// New opens the registry whose data is in dir, and makes dir when it is
// missing. Uploads that a crash cut short are removed: the clients that began
// them are gone, and they can't be resumed under a new upload secret.
func New(ctx context.Context, dir string) (*Registry, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("resolve registry folder %s: %w", dir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make registry folder: %w", err)
	}
	if err := purgeUploads(ctx, dir); err != nil {
		return nil, err
	}
	return &Registry{app: handlers.NewApp(ctx, settings(dir))}, nil
}

// purgeUploads removes what interrupted uploads left in dir.
func purgeUploads(ctx context.Context, dir string) error {
	_, err := os.Stat(filepath.Join(dir, "docker", "registry", "v2", "repositories"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was ever pushed
	}
	if err != nil {
		return fmt.Errorf("read registry folder: %w", err)
	}
	disk := filesystem.New(filesystem.DriverParameters{RootDirectory: dir, MaxThreads: threads})
	everything := time.Now().Add(time.Hour)
	if _, errs := storage.PurgeUploads(ctx, disk, everything, true); len(errs) > 0 {
		return fmt.Errorf("remove interrupted uploads in %s: %w", dir, errors.Join(errs...))
	}
	return nil
}

// settings is the whole configuration of the distribution library.
func settings(dir string) *configuration.Configuration {
	return &configuration.Configuration{
		Version: configuration.CurrentVersion,
		Storage: configuration.Storage{
			"filesystem": configuration.Parameters{"rootdirectory": dir, "maxthreads": threads},
			"delete":     configuration.Parameters{"enabled": true},
			"redirect":   configuration.Parameters{"disable": true},
			"maintenance": configuration.Parameters{
				// New purges once instead: the library's purger is a goroutine without an end.
				"uploadpurging": map[any]any{"enabled": false},
			},
		},
	}
}

// ServeHTTP answers the OCI distribution API under /v2/.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.app.ServeHTTP(w, req)
}

// Serve answers on every listener until ctx ends, then lets running requests
// finish for a bounded time. It closes the listeners. A stop by ctx is no error.
func (r *Registry) Serve(ctx context.Context, listeners ...net.Listener) error {
	server := &http.Server{
		Handler:           r,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
	}
	unused := &connections{}
	server.ConnState = unused.track
	group, running := errgroup.WithContext(ctx)
	for _, listener := range listeners {
		group.Go(func() error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve registry on %s: %w", listener.Addr(), err)
			}
			return nil
		})
	}
	group.Go(func() error {
		<-running.Done()
		unused.close()
		return r.drain(ctx, server)
	})
	return group.Wait()
}

// drain ends the server and then the application behind it.
func (r *Registry) drain(ctx context.Context, server *http.Server) error {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil {
		_ = server.Close()
		return fmt.Errorf("stop registry: requests still ran after %s and were cut: %w", drainTimeout, err)
	}
	if err := r.app.Shutdown(); err != nil {
		return fmt.Errorf("close registry storage: %w", err)
	}
	return nil
}

// connections holds those that were opened and have sent nothing yet. Clients
// open some in advance, and a server's Shutdown waits five seconds for each.
type connections struct{ open sync.Map }

// track is a server's ConnState.
func (c *connections) track(connection net.Conn, state http.ConnState) {
	if state == http.StateNew {
		c.open.Store(connection, nil)
		return
	}
	c.open.Delete(connection)
}

func (c *connections) close() {
	c.open.Range(func(connection, _ any) bool {
		if silent, is := connection.(net.Conn); is {
			_ = silent.Close() // nothing was asked on it
		}
		return true
	})
}
