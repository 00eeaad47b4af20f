//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-dev/slipway/internal/e2e/stand"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// environment is the cluster with Slipway in it, and the forge.
type environment struct {
	*stand.Stand
	forge *forgetest.Forge
	token string
	// secrets are those of the projects' hooks.
	secrets []string
}

// shared is made once for all tests of the package.
var shared *environment

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintf(os.Stderr, "e2e: %v\n", err)
		code = 1
	}
	os.Exit(code)
}

// run brings the world up, runs the tests and takes it down. KEEP=1 leaves the
// cluster for a look inside.
func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	root, err := filepath.Abs("../..")
	if err != nil {
		return 1, err
	}
	cache := os.Getenv("DEVCLUSTER_CACHE")
	if cache == "" {
		cache = filepath.Join(root, ".cache", "devcluster", "cache")
	}
	options := stand.Options{Root: root, Dir: filepath.Join(root, ".cache", "devcluster", "run"), Cache: cache, Progress: os.Stderr}
	if os.Getenv("KEEP") == "" {
		defer func() {
			if downErr := stand.At(options).Down(ctx); err == nil {
				err = downErr
			}
		}()
	}
	s, err := stand.Up(ctx, options)
	if err != nil {
		return 1, err
	}
	stop, err := openForge(s)
	if err != nil {
		return 1, err
	}
	defer stop()
	if code = m.Run(); code != 0 {
		return code, nil
	}
	return 0, shared.leaks(ctx)
}

// openForge serves a forge on the bridge, where pods reach it.
func openForge(s *stand.Stand) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	dir, err := os.MkdirTemp("", "slipway-forge-")
	if err != nil {
		cancel()
		return nil, err
	}
	token := rand.Text()
	forge, err := forgetest.New(forgetest.Options{Dir: dir, Token: token, Client: stand.Client()})
	if err != nil {
		cancel()
		return nil, err
	}
	listener, err := net.Listen("tcp", s.Bridge()+":0")
	if err != nil {
		cancel()
		return nil, err
	}
	forge.SetURL("http://" + listener.Addr().String())
	done := make(chan error, 1)
	go func() { done <- forge.Serve(ctx, listener) }()
	shared = &environment{Stand: s, forge: forge, token: token}
	return func() {
		cancel()
		if err := <-done; err != nil {
			fmt.Fprintf(os.Stderr, "e2e: forge: %v\n", err)
		}
		forge.Close()
		_ = os.RemoveAll(dir)
	}, nil
}
